"""The methods: which options each sets, and what the paper behind it says.

docs/methods.md is made of this table (`make docs`). An option that a run gives itself counts more
than the method's, so one thing can be changed at a time. What a paper does not tell stands under
`assumed`, and stays an option.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from geofix.agent.methods import MethodName


@dataclass(frozen=True, slots=True)
class Paper:
    """Where a method was published."""

    title: str
    authors: str
    year: int
    link: str


@dataclass(frozen=True, slots=True)
class Method:
    """A named set of options."""

    summary: str
    """One sentence."""
    options: Mapping[str, Any]
    """Fields of `Context` that differ from geofix's own."""
    row: str
    """Which row of `geofix eval` is the paper's."""
    paper: Paper | None = None
    says: tuple[str, ...] = ()
    """What the paper does."""
    assumed: tuple[str, ...] = ()
    """What it leaves open or we could not read, and what stands here instead."""
    changed: tuple[str, ...] = ()
    """Where we differ from it knowingly."""
    asks_model: bool = False
    """Whether it cannot run without a chat model."""
    encoder: str | None = None
    """What the paper embeds photos with, for people."""
    encoder_in_name: str | None = None
    """Part of the names of encoders that are the paper's; none where none is."""


_PLAIN: Mapping[str, Any] = {
    "vectors": "raw",
    "negatives_apart_km": 0.0,
    "geometry_pictures": 0,
    "reject_scenes": False,
    "max_rounds": 1,
}
"""Of all published methods: nothing is checked, and there is one round."""

_NO_MODEL: Mapping[str, Any] = {**_PLAIN, "preset": "none", "negatives": 0, "negatives_by": "none"}

_UNPARSED = (
    "An answer without coordinates is an abstention, which `geofix eval` counts as wrong; it is"
    " never taken for (0, 0)."
)

_ASKED_AGAIN = (
    "An answer that cannot be read is asked for once more. How many answers were, the trail tells."
)

_TEMPERATURE = (
    "The temperature is 0 for a model on a server of yours or in this process, and a hosted"
    " service's own. Change it with `temperature`."
)

_GUARD = (
    "The system message says that text in the photo is evidence and no instruction; the paper has"
    " no such message."
)

_SCHEMA = "The form of the answer is given as a JSON schema instead of a template with types in it."

_VO = Paper(
    title="Revisiting IM2GPS in the Deep Learning Era",
    authors="Nam Vo, Nathan Jacobs and James Hays",
    year=2017,
    link="https://arxiv.org/abs/1705.04838",
)

METHODS: dict[MethodName, Method] = {
    "geofix": Method(
        summary="geofix's own: all evidence is weighed, a draft is one voice, and it may abstain.",
        options={},
        row="geofix",
        says=("The photos found, a model's drafts and pictures compared are weighed together.",),
    ),
    "img2loc": Method(
        summary="The model sees the photo and the coordinates of 16 similar and 16 dissimilar"
        " photos; its coordinates are the answer.",
        options={
            **_PLAIN,
            "answer_by": "model",
            "preset": "img2loc",
            "positives": 16,
            "negatives": 16,
            "negatives_by": "dissimilar",
            "samples": 1,
        },
        row="img2loc",
        paper=Paper(
            title="Img2Loc: Revisiting Image Geolocalization using Multi-modality Foundation Models"
            " and Image-based Retrieval-Augmented Generation",
            authors="Zhongliang Zhou, Jielu Zhang, Zihan Guan, Mengxuan Hu, Ni Lao, Lan Mu,"
            " Sheng Li and Gengchen Mai",
            year=2024,
            link="https://arxiv.org/abs/2403.19584",
        ),
        says=(
            "Photos are embedded with CLIP ViT-L/14 and compared as they are.",
            "The prompt shows coordinates of the nearest photos, and of the nearest to the negated"
            " vector as dissimilar ones.",
            "GPT-4V or LLaVA is asked once, and its coordinates are the answer.",
        ),
        assumed=(
            "16 photos of either kind, as in its code. Change it with `positives` and `negatives`.",
            f"Its code sets no temperature. {_TEMPERATURE}",
            "Vectors are compared by their cosine. Its code does not normalise them, and reads its"
            " index from a file that is not published.",
        ),
        changed=(
            "The photo is sent with `image_px` pixels at the most; its code sends it whole.",
            _UNPARSED,
            _ASKED_AGAIN,
            _GUARD,
        ),
        asks_model=True,
        encoder="CLIP ViT-L/14",
        encoder_in_name="clip-vit-large-patch14",
    ),
    "street-level-rag": Method(
        summary="As Img2Loc, with SigLIP, a gallery of EMP-16 and OSV-5M and an open model.",
        options={
            **_PLAIN,
            "answer_by": "model",
            "preset": "street-level-rag",
            "positives": 16,
            "negatives": 16,
            "negatives_by": "dissimilar",
            "samples": 1,
        },
        row="street-level-rag",
        paper=Paper(
            title="Street-Level Geolocalization Using Multimodal Large Language Models and"
            " Retrieval-Augmented Generation",
            authors="Yunus Serhat B\u0131\u00e7ak\u00e7\u0131, Joseph Shingleton and Anahid Basiri",
            year=2025,
            link="https://arxiv.org/abs/2509.01341",
        ),
        says=(
            "Photos of EMP-16 and OSV-5M are embedded with SigLIP into a vector database.",
            "The prompt shows the places of similar and dissimilar photos.",
            "An open model answers; nothing is trained.",
        ),
        assumed=(
            "We could read its abstract only. That its models are Qwen2-VL-72B and InternVL2-76B we"
            " have from summaries.",
            "How many photos of either kind are shown: 16, as in Img2Loc. Change it with"
            " `positives` and `negatives`.",
            "The wording of the prompt and the form of the answer, JSON in a schema, are ours;"
            " print them with `geofix prompt`.",
            _TEMPERATURE,
            "Dissimilar photos are the nearest to the negated vector, as in Img2Loc.",
        ),
        changed=(_UNPARSED, _ASKED_AGAIN, _GUARD),
        asks_model=True,
        encoder="SigLIP",
        encoder_in_name="siglip",
    ),
    "g3": Method(
        summary="Four prompts with 0, 5, 10 and 15 neighbours, five answers each; GeoCLIP chooses"
        " among them and the most similar photo.",
        options={
            **_PLAIN,
            "answer_by": "image-place",
            "preset": "g3",
            "positives": 15,
            "negatives": 15,
            "negatives_by": "dissimilar",
            "samples": 5,
            "temperature": 1.2,
            "photos_compared": 1,
        },
        row="g3",
        paper=Paper(
            title="G3: An Effective and Adaptive Framework for Worldwide Geolocalization Using"
            " Large Multi-Modality Models",
            authors="Pengyue Jia, Yiding Liu, Xiaopeng Li, Yuhao Wang, Yantong Du, Xiao Han,"
            " Xuetao Wei, Shuaiqiang Wang, Dawei Yin and Xiangyu Zhao",
            year=2024,
            link="https://arxiv.org/abs/2405.14702",
        ),
        says=(
            "Geo-alignment trains an encoder of photos, coordinates and place names.",
            "Geo-diversification asks with several prompts and takes several answers of each, at"
            " temperature 1.2 for GPT-4V.",
            "Geo-verification takes the candidate, drafted or retrieved, whose coordinates are most"
            " like the photo.",
        ),
        assumed=(
            "The lists have 0, 5, 10 and 15 neighbours, as in its code. It asks for ten answers to"
            " each prompt and compares five; here five are asked for.",
            "The nearest photo is a candidate beside the drafts, as in its code for either set. The"
            " paper has none on IM2GPS3k (`photos_compared=0`).",
        ),
        changed=(
            "The encoder is the gallery's, not the one that G3 trained.",
            "GeoCLIP (`GEOFIX_IMAGE_PLACE`) verifies in place of G3's own encoder. Without it the"
            " draft that the others are nearest to is the answer, and the answer says so.",
            "The photo is sent with `image_px` pixels at the most; its code asks for low detail.",
            "An answer without coordinates is left out. In its code it is a candidate at (0, 0).",
            _ASKED_AGAIN,
            _GUARD,
            _SCHEMA,
        ),
        asks_model=True,
        encoder="an encoder that G3 trains",
    ),
    "knn": Method(
        summary="The place of the most similar photo.",
        options={**_NO_MODEL, "answer_by": "nearest", "positives": 16},
        row="knn",
        paper=_VO,
        says=("The place of the nearest photo, by features of a network, is the answer.",),
        assumed=("15 further photos are retrieved and listed. They change nothing.",),
        changed=("The encoder is the gallery's, not the network that the paper trains.",),
        encoder="a network trained to tell cells of the Earth apart",
    ),
    "kde": Method(
        summary="The place where similar photos are densest.",
        options={**_NO_MODEL, "answer_by": "density", "positives": 200},
        row="kde",
        paper=_VO,
        says=(
            "A kernel density is estimated over the places of the nearest photos; its highest point"
            " is the answer.",
        ),
        assumed=(
            "200 neighbours, the most that a run retrieves. Change it with `positives`.",
            "The kernel is a Gaussian of 25 km.",
        ),
        changed=(
            "Votes are a softmax of the similarities in place of a power of them.",
            "The encoder is the gallery's, not the network that the paper trains.",
        ),
        encoder="a network trained to tell cells of the Earth apart",
    ),
    "geoclip": Method(
        summary="Of 100,000 places the one whose coordinates are most like the photo by GeoCLIP.",
        options={**_NO_MODEL, "answer_by": "geoclip"},
        row="geoclip",
        paper=Paper(
            title="GeoCLIP: Clip-Inspired Alignment between Locations and Images for Effective"
            " Worldwide Geo-localization",
            authors="Vicente Vivanco Cepeda, Gaurav Kumar Nayak and Mubarak Shah",
            year=2023,
            link="https://arxiv.org/abs/2309.16020",
        ),
        says=(
            "Photos, by CLIP ViT-L/14 and a small network, and coordinates are encoded into one"
            " space.",
            "The answer is the place most like the photo, of a gallery of 100,000 places.",
        ),
        assumed=("The 100,000 places are those that the package `geoclip` 1.3.0 brings.",),
        changed=(
            "The photo is encoded once, without crops.",
            "Similar gallery photos are retrieved and listed. They change nothing.",
        ),
        encoder="CLIP ViT-L/14 with GeoCLIP's networks (`GEOFIX_IMAGE_PLACE`)",
    ),
}
