from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from safetensors.torch import load_model

from miniature import WEIGHTS
from scorer.cache import CachedEncoder
from scorer.concepts import make_concepts
from scorer.encoders import PictureFeatures, adherence, make_encoder
from scorer.errors import InputError, PrerequisiteError
from scorer.miniature_encoder import (
    PROJECTION,
    JointHeads,
    MiniatureEncoder,
    save_miniature_encoder,
    to_pixels,
)
from scorer.minilm import text_encoder_and_tokenizer
from scorer.siglip import SiglipEncoder, grid_means
from tests.scorer.tiny import (
    tiny_concepts,
    tiny_naflex,
    tiny_parts,
    tiny_siglip,
    tiny_vision,
)

READER = WEIGHTS / "renderer"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    place = tmp_path_factory.mktemp("encoder")
    heads = JointHeads(visual=16, dim=8)
    save_miniature_encoder(place, *tiny_parts(heads), reader=READER)
    return place


@pytest.fixture(scope="module")
def encoder(folder: Path) -> MiniatureEncoder:
    return MiniatureEncoder(folder, device="cpu")


def pictures(count: int, size: int = 40) -> list[PIL.Image.Image]:
    noise = np.random.default_rng(0).integers(0, 256, (count, size, size, 3), np.uint8)
    return [PIL.Image.fromarray(frame) for frame in noise]


def test_pixels_lie_between_minus_one_and_one() -> None:
    pixels = to_pixels([PIL.Image.new("RGB", (9, 5), c) for c in ("black", "white")], 4)
    assert pixels.shape == (2, 3, 4, 4)
    assert (pixels[0] == -1).all()
    assert (pixels[1] == 1).all()


def test_behind_all_features_stand_products_of_what_both_eyes_find(
    encoder: MiniatureEncoder,
) -> None:
    visual = encoder.encode_images(pictures(3)).visual
    sun, moon, again = visual[:, 16], visual[:, 17], visual[:, 16 + 3 + 16 :]
    one, other = (sun + again[:, 3]) / 2, (moon + again[:, 2]) / 2
    np.testing.assert_allclose(visual[:, -2:].T, [one * one, one * other], rtol=1e-4)


def test_joint_features_are_unit_vectors_with_evidence_behind_them(
    encoder: MiniatureEncoder,
) -> None:
    features = encoder.encode_images(pictures(3))
    texts = encoder.encode_texts(["a boat", "a house"])
    assert features.visual.shape == (3, 16 + 3 + 16 + 5 + 2)
    assert features.joint.shape == (3, 8 + 6)
    assert texts.shape == (2, 8 + 6)
    np.testing.assert_allclose(np.linalg.norm(features.joint[:, :8], axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(texts[:, :8], axis=1), 1, rtol=1e-5)
    assert (features.joint[:, [8, 12]] == 0).all()  # that nothing is said, no picture can tell
    assert (features.joint[:, 11] == -0.5).all()  # what never is
    assert (texts[:, [8, 12]] == 0).all()
    assert (texts[:, 8:] >= 0).all()
    assert (texts[:, 8:].sum(1) <= 2).all()


def test_a_picture_has_the_same_features_alone_and_in_a_batch(encoder: MiniatureEncoder) -> None:
    together = encoder.encode_images(pictures(3)).visual
    alone = encoder.encode_images(pictures(3)[1:2]).visual
    np.testing.assert_allclose(together[1:2], alone, atol=1e-5)


def test_no_pictures_give_no_features(encoder: MiniatureEncoder) -> None:
    assert encoder.encode_images([]).joint.shape == (0, 14)
    assert encoder.encode_texts([]).shape == (0, 14)


def test_training_logits_agree_with_the_features_in_use(
    encoder: MiniatureEncoder, folder: Path
) -> None:
    heads = JointHeads(visual=16, dim=8)
    load_model(heads.eval(), folder / PROJECTION)
    features = encoder.encode_images(pictures(2))
    model, tokenizer = text_encoder_and_tokenizer(READER)
    words = tokenizer(["a boat"], return_tensors="pt")
    with torch.no_grad():
        states = model(**words).last_hidden_state
        texts = heads.text(states, words["attention_mask"])
        seen = heads.picture(torch.from_numpy(features.visual[:, :16]))
        logits = heads.logits(seen, texts)
    cosine = features.joint[:, :8] @ encoder.encode_texts(["a boat"])[:, :8].T
    np.testing.assert_allclose(logits.detach().numpy(), 60 * cosine - 4, atol=1e-4)


def test_concepts_are_probabilities_of_the_values_of_an_attribute() -> None:
    heads = JointHeads(visual=16, dim=8)
    concepts = tiny_concepts(heads)
    joint = torch.nn.functional.normalize(torch.randn(6, 8), dim=-1)
    logits = 60 * joint @ concepts.texts.T - 4
    torch.testing.assert_close(heads.logits(joint, concepts.texts), logits)
    found = concepts.probabilities(logits)
    torch.testing.assert_close(found[:, :2], logits[:, :2].softmax(1))  # sun or moon
    torch.testing.assert_close(found[:, 2], logits[:, 2].sigmoid())  # moss or none
    torch.testing.assert_close(concepts.texts.norm(dim=1), torch.ones(3))
    calm = replace(concepts, scale=torch.tensor([0.5, 0.1]), offset=torch.tensor([0.0, 1.0]))
    found = calm.probabilities(logits)
    torch.testing.assert_close(found[:, :2], (0.5 * logits[:, :2]).softmax(1))
    torch.testing.assert_close(found[:, 2], (0.1 * logits[:, 2] + 1).sigmoid())


def test_concepts_are_standardised_on_training_pictures() -> None:
    heads = JointHeads(visual=16, dim=8)
    joint = torch.nn.functional.normalize(torch.randn(40, 8), dim=-1)
    values = [("light", "sun"), ("light", "moon")]
    texts = torch.nn.functional.normalize(torch.randn(2, 8), dim=-1)
    early = 5 + 3 * torch.randn(40, 4)
    concepts = make_concepts(texts, values)
    likely = concepts.probabilities(heads.logits(joint, concepts.texts))
    features = concepts.standardised(likely, early).features(likely, early)
    torch.testing.assert_close(features.mean(0), torch.zeros(6), atol=1e-5, rtol=0)
    torch.testing.assert_close(features.std(0), torch.ones(6), atol=1e-4, rtol=0)


def test_a_picture_is_seen_both_ways_round(folder: Path) -> None:
    picture = PIL.Image.fromarray(
        np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    )
    mirrored = picture.transpose(PIL.Image.Transpose.FLIP_LEFT_RIGHT)
    found = MiniatureEncoder(folder).encode_images([picture, mirrored])
    np.testing.assert_allclose(found.visual[0], found.visual[1], atol=1e-4)
    np.testing.assert_allclose(found.joint[0], found.joint[1], atol=1e-5)
    pixels = torch.from_numpy(to_pixels([picture, mirrored], 32))
    one_way = tiny_vision().eval()(pixel_values=pixels).pooler_output
    assert not torch.allclose(one_way[0], one_way[1], atol=1e-3)


def test_the_id_follows_the_weights(folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    heads = JointHeads(visual=16, dim=8)
    save_miniature_encoder(tmp_path, *tiny_parts(heads), reader=READER)
    assert MiniatureEncoder(folder).id == MiniatureEncoder(folder).id
    assert MiniatureEncoder(folder).id != MiniatureEncoder(tmp_path).id


def test_sixteen_bit_weights_are_read_in_full_precision(tmp_path: Path) -> None:
    heads = JointHeads(visual=16, dim=8)
    save_miniature_encoder(tmp_path, *tiny_parts(heads), reader=READER, dtype=torch.float16)
    features = MiniatureEncoder(tmp_path).encode_images(pictures(1))
    assert features.visual.dtype == np.float32
    assert np.isfinite(features.joint).all()


def test_missing_weights_say_how_to_train_them(tmp_path: Path) -> None:
    with pytest.raises(PrerequisiteError, match=r"lacks config\.json.*miniature\.encoder"):
        MiniatureEncoder(tmp_path)


def test_an_unknown_spec_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"'clip'.*miniature.*siglip"):
        make_encoder("clip")


def test_adherence_is_the_dot_product() -> None:
    picture = np.array([[1.0, 0], [1, 0], [1, 0]])
    text = np.array([[0.6, 0.8], [-1, 0], [1, 0]])
    np.testing.assert_allclose(adherence(picture, text), [0.6, -1, 1])


def test_a_real_siglip_is_read_from_a_folder(tmp_path: Path) -> None:
    tiny_siglip(tmp_path)
    encoder = SiglipEncoder(str(tmp_path), device="cpu")
    features = encoder.encode_images(pictures(2))
    texts = encoder.encode_texts(["A Boat", "a boat", "a much longer text " * 20])
    assert features.joint.shape == (2, encoder.dim)
    assert texts.shape == (3, encoder.dim)
    np.testing.assert_allclose(texts[0], texts[1], rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(features.joint, axis=1), 1, rtol=1e-5)


def test_means_of_patches_follow_the_pooled_features(tmp_path: Path) -> None:
    tiny_siglip(tmp_path)
    plain = SiglipEncoder(str(tmp_path), device="cpu")
    encoder = make_encoder(f"siglip:{tmp_path};patches=2", device="cpu")
    features = encoder.encode_images(pictures(2))
    assert (encoder.visual_tokens, encoder.visual_dim, encoder.dim) == (5, 80, 16)
    assert encoder.id != plain.id
    alone = plain.encode_images(pictures(2))
    np.testing.assert_allclose(features.visual[:, :16], alone.visual, atol=1e-6)
    np.testing.assert_allclose(features.joint, alone.joint, atol=1e-6)
    assert features.visual[0, 16:].std() > 0


def test_patches_are_averaged_where_they_lie() -> None:
    patches = torch.arange(16.0).view(1, 16, 1)  # four rows of four
    means = grid_means(patches, {}, 2)
    assert means.flatten().tolist() == [2.5, 4.5, 10.5, 12.5]
    wide = torch.cat([torch.arange(8.0), torch.full((4,), 99.0)]).view(1, 12, 1)
    means = grid_means(wide, {"spatial_shapes": torch.tensor([[2, 4]])}, 2)  # 99 is padding
    assert means.flatten().tolist() == [0.5, 2.5, 4.5, 6.5]


def test_a_siglip_that_keeps_a_pictures_shape_is_read_by_the_same_class(tmp_path: Path) -> None:
    tiny_naflex(tmp_path)
    encoder = make_encoder(f"siglip:{tmp_path};patches=2", device="cpu")
    wide = PIL.Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 90, 3), np.uint8))
    together = encoder.encode_images([*pictures(1), wide])
    assert together.visual.shape == (2, 80)
    np.testing.assert_allclose(
        together.visual[1], encoder.encode_images([wide]).visual[0], atol=1e-5
    )
    assert encoder.encode_texts(["a boat"]).shape == (1, 16)


@pytest.mark.parametrize("grid", ["0", "x", "17", "-1"])
def test_a_wrong_number_of_patches_is_refused(grid: str) -> None:
    with pytest.raises(InputError, match=f";patches={grid}': ;patches=N takes a number from 1"):
        make_encoder(f"siglip:somewhere;patches={grid}")


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PrerequisiteError, match="no encoder can be loaded"):
        SiglipEncoder(str(tmp_path))


class Counting:
    """An encoder that counts what it is asked to encode."""

    id, visual_tokens, visual_dim, dim = "counting/1", 1, 42, 14

    def __init__(self, encoder: MiniatureEncoder) -> None:
        self.encoder, self.seen = encoder, 0

    def encode_images(self, images: Sequence[PIL.Image.Image]) -> PictureFeatures:
        self.seen += len(images)
        return self.encoder.encode_images(images)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        return self.encoder.encode_texts(texts)


def test_a_picture_is_encoded_once(encoder: MiniatureEncoder, tmp_path: Path) -> None:
    behind = Counting(encoder)
    cached = CachedEncoder(behind, tmp_path)
    first, second = pictures(2)
    there = cached.encode_images([first, second, first.copy()])
    again = cached.encode_images([second, first])
    assert behind.seen == 2
    np.testing.assert_array_equal(there.visual[[1, 0]], again.visual)


def test_features_outlive_the_process_on_disk(encoder: MiniatureEncoder, tmp_path: Path) -> None:
    behind = Counting(encoder)
    there = CachedEncoder(behind, tmp_path).encode_images(pictures(2))
    again = CachedEncoder(behind, tmp_path).encode_images(pictures(2))
    assert behind.seen == 2
    np.testing.assert_array_equal(there.joint, again.joint)


def test_a_broken_cache_file_is_computed_again(encoder: MiniatureEncoder, tmp_path: Path) -> None:
    behind = Counting(encoder)
    CachedEncoder(behind, tmp_path).encode_images(pictures(1))
    (file,) = tmp_path.rglob("*.safetensors")
    file.write_bytes(b"torn")
    CachedEncoder(behind, tmp_path).encode_images(pictures(1))
    assert behind.seen == 2


def test_memory_forgets_what_was_not_used_for_longest(encoder: MiniatureEncoder) -> None:
    behind = Counting(encoder)
    cached = CachedEncoder(behind, on_disk=False, memory_items=1)
    first, second = pictures(2)
    for picture in (first, first, second, first):
        cached.encode_images([picture])
    assert behind.seen == 3


def test_a_cache_that_cannot_be_written_is_no_failure(
    encoder: MiniatureEncoder, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    cached = CachedEncoder(Counting(encoder), tmp_path / "file")
    assert len(cached.encode_images(pictures(1))) == 1
