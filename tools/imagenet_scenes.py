"""ImageNet's thousand classes, sorted by what kind of scene they belong to.

The classes in their usual order (Russakovsky et al. 2015, ILSVRC 2012). What stands outdoors and
what grows or lies there counts as outdoors; what no group names is a thing that can be anywhere
and mostly stands in a room: also the vault, the altar, the library and the restaurant, since of
photos of streets few and of rooms many are taken for one.
"""

from __future__ import annotations

ANIMALS = frozenset(range(398))

OUTDOORS = frozenset(
    (
        # aircraft carrier to boathouse
        *(403, 404, 407, 408, 410, 425, 436, 437, 442, 444, 448, 449),
        # breakwater to dome
        *(460, 466, 468, 471, 472, 475, 476, 483, 484, 489, 498, 500, 510, 511, 517, 525, 536),
        # dome to half track
        *(538, 540, 547, 554, 555, 557, 561, 562, 565, 569, 571, 573, 575, 576, 580, 581, 586, 595),
        # horse cart to moving van
        *(603, 609, 612, 625, 627, 628, 634, 637, 640, 645, 646, 649, 654, 656, 657, 660, 661, 663),
        *(665, 668, 670, 671, 672, 675),
        # obelisk to radio telescope
        *(682, 690, 694, 698, 703, 704, 706, 708, 716, 717, 718, 724, 730, 733, 734, 751),
        *(755, 757, 779, 780, 781),
        # snowmobile to swing
        *(802, 803, 807, 812, 814, 817, 820, 821, 825, 829, 832, 833, 835, 839, 843),
        # tank to yurt
        *(847, 853, 856, 858, 863, 864, 866, 867, 871, 873, 874, 879, 880, 888, 900, 904, 912),
        *(913, 914, 915),
        # street sign, traffic light; alp to volcano
        *(919, 920, *range(970, 981)),
    )
)

STOREFRONTS = frozenset({415, 424, 454, 467, 509, 582, 727, 788, 819, 860, 865})
"""Shops and the like: seen from the street as often as from within."""

INSIDE_OR_OUT = frozenset({497, 705, 743})
"""Church, railway carriage, prison: named for chapels and passages as often as for fronts, so they
speak for neither."""

FOOD = frozenset({*range(923, 970), 504, 505, 550, 567, 618, 659, 809, 891, 910, 987})
"""Dishes, fruit, drinks, and what they are made and served in."""

SCREENS_AND_PAPER = frozenset(
    {446, 508, 527, 549, 590, 592, 620, 664, 681, 688, 782, 851, 916, 917, 918, 921, 922}
)
"""Web sites, comics, menus, monitors."""

GROUPS = {
    "outdoors": OUTDOORS,
    "storefronts": STOREFRONTS,
    "inside or out": INSIDE_OR_OUT,
    "animals": ANIMALS,
    "food": FOOD,
    "screens and paper": SCREENS_AND_PAPER,
}
"""Disjoint; a test holds it."""
