"""What the atlas leaves open and scripts/build_countries.py has to be told.

A code says under which ISO 3166-1 entry a photo is filed. Natural Earth draws who is in control;
where ISO 3166-2 lists a place under a country it is filed there, as by GeoNames (Crimea is UA-43).
"""

from __future__ import annotations

CODES_BY_NAME = {
    "Akrotiri": "CY",
    "Baikonur": "KZ",
    "Bajo Nuevo Bank": "CO",
    "Clipperton I.": "FR",
    "Coral Sea Is.": "AU",
    "Cyprus U.N. Buffer Zone": "CY",
    "Dhekelia": "CY",
    "Indian Ocean Ter.": "CC",
    "Kosovo": "XK",
    "N. Cyprus": "CY",
    "Serranilla Bank": "CO",
    "Siachen Glacier": "IN",
    "Somaliland": "SO",
    "USNB Guantanamo Bay": "CU",
}
"""Features the atlas gives no ISO number."""

UNCLAIMED = {"Scarborough Reef", "Spratly Is."}
"""Reefs claimed by several states and administered by no single one: left out."""

TERRITORIES = [
    ("FR", "GF", (-56, 1, -51, 7)),
    ("FR", "GP", (-62.2, 15.7, -60.8, 16.7)),
    ("FR", "MQ", (-61.4, 14.2, -60.6, 15.1)),
    ("FR", "RE", (55, -21.6, 56, -20.6)),
    ("FR", "YT", (44.8, -13.2, 45.5, -12.4)),
    ("NO", "SJ", (-10, 70.5, -7, 72)),
    ("NO", "SJ", (5, 73.5, 40, 82)),
    ("NO", "BV", (3, -55, 4, -54)),
    ("NL", "BQ", (-69, 11.5, -62.5, 18)),
    ("NZ", "TK", (-173, -10, -171, -8)),
    ("CC", "CX", (105, -11, 106, -10)),
    ("RU", "UA", (32.4, 44.3, 36.65, 46.25)),
    ("IT", "VA", (12.4457, 41.9002, 12.4583, 41.9074)),
]
"""(country of the feature, alpha-2 of the territory, west south east north) to cut out of it.

The Russian box is Crimea. The atlas's grid flattens the Vatican to a line, so here it is the box
round its walls.
"""

NAMES = {
    "BN": "Brunei",
    "BQ": "Caribbean Netherlands",
    "CD": "Democratic Republic of the Congo",
    "CG": "Republic of the Congo",
    "CI": "Ivory Coast",
    "CN": "China",
    "CZ": "Czechia",
    "FK": "Falkland Islands",
    "FM": "Micronesia",
    "GM": "Gambia",
    "IR": "Iran",
    "LA": "Laos",
    "MD": "Moldova",
    "MF": "Saint Martin",
    "MK": "North Macedonia",
    "PN": "Pitcairn Islands",
    "PS": "Palestine",
    "RE": "Réunion",
    "RU": "Russia",
    "ST": "São Tomé and Príncipe",
    "SX": "Sint Maarten",
    "SY": "Syria",
    "TR": "Türkiye",
    "TW": "Taiwan",
    "TZ": "Tanzania",
    "US": "United States",
    "VA": "Vatican City",
    "VG": "British Virgin Islands",
    "VI": "U.S. Virgin Islands",
}
"""The common name, where the list of ISO names has a stiffer one."""

ALIASES = {
    "America": "US",
    "Bosnia": "BA",
    "Britain": "GB",
    "Burma": "MM",
    "Cabo Verde": "CV",
    "Congo": "CG",
    "Congo-Brazzaville": "CG",
    "Congo-Kinshasa": "CD",
    "DR Congo": "CD",
    "DRC": "CD",
    "East Timor": "TL",
    "England": "GB",
    "Holland": "NL",
    "Holy See": "VA",
    "Korea": "KR",
    "Macau": "MO",
    "Northern Ireland": "GB",
    "Scotland": "GB",
    "Svalbard": "SJ",
    "Swaziland": "SZ",
    "The Bahamas": "BS",
    "Vatican": "VA",
    "Viet Nam": "VN",
    "Wales": "GB",
}
"""Names in use that are on no list."""
