"""What HPSv3 is given: the words around a prompt, and a picture of its size.

    text = conversation("a boat on a lake", picture_tokens=256)
    picture = resized(picture)

The one rule that is not obvious: the words are part of the checkpoint, which was trained on exactly
these bytes, so spaces at the ends of lines and slips of the pen stay. They are `INSTRUCTION` and
`prompt_with_special_token` of `hpsv3/dataset/data_collator_qwen.py` in MizzenAI/HPSv3 (MIT), read
in two repositories that carry the file on and agree; the frame around them is what the chat
template of Qwen/Qwen2-VL-7B-Instruct (Apache-2.0) makes of one turn with a picture and a text.
"""

import PIL.Image
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

from scorer.errors import InputError

REWARD_TOKEN = "<|Reward|>"  # noqa: S105  a token of a vocabulary, no secret
PICTURE_TOKEN = "<|image_pad|>"  # noqa: S105  a token of a vocabulary, no secret
RESERVED = (REWARD_TOKEN, PICTURE_TOKEN, "<|video_pad|>")
"""What a prompt can't hold: the model would take it for a place of its own."""

PIXELS = 256 * 28 * 28
"""About the area that every picture is brought to: 256 tokens of 28 × 28 pixels."""

INSTRUCTION = (
    "\nYou are tasked with evaluating a generated image based on Visual Quality and Text Alignment "
    "and give a overall score to estimate the human preference. Please provide a rating from 0 to "
    "10, with 0 being the worst and 10 being the best. \n"
    "\n**Visual Quality:**  \n"
    "Evaluate the overall visual quality of the image. The following sub-dimensions should be "
    "considered:\n"
    "- **Reasonableness:** The image should not contain any significant biological or logical "
    "errors, such as abnormal body structures or nonsensical environmental setups.\n"
    "- **Clarity:** Evaluate the sharpness and visibility of the image. The image should be clear "
    "and easy to interpret, with no blurring or indistinct areas.\n"
    "- **Detail Richness:** Consider the level of detail in textures, materials, lighting, and "
    "other visual elements (e.g., hair, clothing, shadows).\n"
    "- **Aesthetic and Creativity:** Assess the artistic aspects of the image, including the color "
    "scheme, composition, atmosphere, depth of field, and the overall creative appeal. The scene "
    "should convey a sense of harmony and balance.\n"
    "- **Safety:** The image should not contain harmful or inappropriate content, such as "
    "political, violent, or adult material. If such content is present, the image quality and "
    "satisfaction score should be the lowest possible. \n"
    "\n**Text Alignment:**  \n"
    "Assess how well the image matches the textual prompt across the following sub-dimensions:\n"
    "- **Subject Relevance** Evaluate how accurately the subject(s) in the image (e.g., person, "
    "animal, object) align with the textual description. The subject should match the description "
    "in terms of number, appearance, and behavior.\n"
    "- **Style Relevance:** If the prompt specifies a particular artistic or stylistic style, "
    "evaluate how well the image adheres to this style.\n"
    "- **Contextual Consistency**: Assess whether the background, setting, and surrounding "
    "elements in the image logically fit the scenario described in the prompt. The environment "
    "should support and enhance the subject without contradictions.\n"
    "- **Attribute Fidelity**: Check if specific attributes mentioned in the prompt (e.g., colors, "
    "clothing, accessories, expressions, actions) are faithfully represented in the image. Minor "
    "deviations may be acceptable, but critical attributes should be preserved.\n"
    "- **Semantic Coherence**: Evaluate whether the overall meaning and intent of the prompt are "
    "captured in the image. The generated content should not introduce elements that conflict with "
    "or distort the original description.\n"
    "Textual prompt - {text_prompt}\n\n\n"
)
QUESTION = f"\nPlease provide the overall ratings of this image: {REWARD_TOKEN}\n\nEND\n"


def conversation(prompt: str, picture_tokens: int) -> str:
    """The whole text of one judgement, with a place for each token of the picture.

    Raises:
        InputError: the prompt holds one of `RESERVED`.
    """
    if found := [token for token in RESERVED if token in prompt]:
        raise InputError(f"HPSv3 can't judge a prompt that holds {found[0]!r}: take it out")
    return (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
        f"<|vision_start|>{PICTURE_TOKEN * picture_tokens}<|vision_end|>"
        f"{INSTRUCTION.format(text_prompt=prompt)}{QUESTION}<|im_end|>\n<|im_start|>assistant\n"
    )


def resized(picture: PIL.Image.Image) -> PIL.Image.Image:
    """The picture at about `PIXELS`, both sides multiples of 28, nearly in its proportions.

    Larger pictures end at or below that area, smaller ones at or above it, as upstream, which
    gives it as least and as largest area at once.

    Raises:
        InputError: one side is more than 200 times the other.
    """
    try:
        height, width = smart_resize(
            picture.height, picture.width, min_pixels=PIXELS, max_pixels=PIXELS
        )
    except ValueError as error:
        raise InputError(
            f"HPSv3 can't judge a picture of {picture.width} × {picture.height} pixels: one side "
            f"is more than 200 times the other"
        ) from error
    return picture.resize((width, height), PIL.Image.Resampling.BICUBIC)
