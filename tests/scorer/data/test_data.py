"""The readers of rating data sets, on small files in the published layouts."""

from pathlib import Path

import PIL.Image
import pytest

from scorer.data import load_data
from scorer.data.plain import role_of
from scorer.data.table import ROLES, Row, check_leaks
from scorer.errors import InputError

COLOURS = ("red", "green", "blue", "gold", "white", "black", "pink", "navy")


def pictures(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, colour in zip(names, COLOURS, strict=False):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.new("RGB", (8, 8), colour).save(folder / name)


@pytest.fixture
def para(tmp_path: Path) -> Path:
    annotation = tmp_path / "PARA" / "annotation"
    annotation.mkdir(parents=True)
    (annotation / "PARA-UserInfo.csv").write_text(
        "userId,age,gender,EducationalLevel,artExperience,photographyExperience,"
        "personality-E,personality-A,personality-N,personality-O,personality-C\n"
        "A1,18-21,male,university,beginner,expert,6,7,4,8,\n"
    )
    (annotation / "PARA-GiaaTest.csv").write_text(
        "imageName,sessionId,semantic\niaa_pub2_.jpg,session1,food\n"
    )
    (annotation / "PARA-Images.csv").write_text(
        "sessionId,imageName,userId,aestheticScore,qualityScore,semantic\n"
        "session1,iaa_pub1_.jpg,A1,3.5,4,portrait\n"
        "session1,iaa_pub2_.jpg,A1,2,4,food\n"
    )
    pictures(tmp_path / "PARA" / "imgs" / "session1", "iaa_pub1_.jpg", "iaa_pub2_.jpg")
    return tmp_path / "PARA"


@pytest.fixture
def lapis(tmp_path: Path) -> Path:
    annotation = tmp_path / "LAPIS" / "annotation"
    annotation.mkdir(parents=True)
    for name, picture in (("Train", "müde.jpg"), ("Val", "b.jpg"), ("Test", "c.jpg")):
        (annotation / f"LAPIS_GIAA_{name}split.csv").write_text(
            f"image_id,image_filename,mean_response\n1,{picture},50\n", encoding="latin-1"
        )
    (annotation / "LAPIS_PIAA.csv").write_text(
        "image_filename,participant_id,response,age,nationality,demo_gender,demo_edu,"
        "demo_colorblind,Art Interest VAIAK,style,genre\n"
        "müde.jpg,17,73,34,Belgian,female,master,No,4.5,Cubism,portrait\n"
        "b.jpg,17,0,34,Belgian,female,master,No,4.5,Rococo,landscape\n"
        "c.jpg,17,100,34,Belgian,female,master,No,4.5,,landscape\n",
        encoding="latin-1",
    )
    pictures(tmp_path / "LAPIS" / "images", "müde.jpg", "b.jpg", "c.jpg")
    return tmp_path / "LAPIS"


def table_of(folder: Path, text: str, *names: str) -> Path:
    pictures(folder, *names)
    (folder / "ratings.csv").write_text(text)
    return folder


def test_para_is_read_as_its_readme_says(para: Path):
    first, second = load_data(f"para={para}").rows
    assert (first.user, first.score, first.split) == ("A1", 3.5, "para_train")
    assert (second.score, second.split) == (2.0, "para_test_seen")
    assert first.image == para / "imgs" / "session1" / "iaa_pub1_.jpg"
    assert first.metadata == {"group": "portrait"}
    assert first.demographics == {
        "age": "18-21",
        "gender": "male",
        "education": "university",
        "art experience": "beginner",
        "photography experience": "expert",
        "extraversion": 6,
        "agreeableness": 7,
        "neuroticism": 4,
        "openness": 8,
    }


def test_lapis_is_read_with_its_own_splits_scale_and_encoding(lapis: Path):
    table = load_data(f"lapis={lapis}")
    assert [(row.image.name, row.score, row.role) for row in table] == [
        ("müde.jpg", 73.0, "train"),
        ("b.jpg", 0.0, "val_seen"),
        ("c.jpg", 100.0, "test_seen"),
    ]
    first = table.rows[0]
    assert first.demographics["colour blindness"] == "No"
    assert first.demographics["art interest"] == 4.5
    assert first.metadata == {"style": "Cubism", "group": "portrait"}
    assert table.rows[2].metadata == {"group": "landscape"}


def test_a_csv_tells_people_and_pictures_by_prefix(tmp_path: Path):
    text = "user,image,score,prompt,person.age,picture.style,split\n"
    text += "ada,a.png,73.5,a boat,34,photo,train\nada,b.png,12,,,,test_seen\n"
    first, second = load_data(f"csv={table_of(tmp_path / 'mine', text, 'a.png', 'b.png')}").rows
    assert (first.dataset, first.split, first.score) == ("mine", "mine_train", 73.5)
    assert first.demographics == {"age": 34}
    assert first.metadata == {"style": "photo", "prompt": "a boat"}
    assert second.prompt is None
    assert (dict(second.demographics), second.split) == ({}, "mine_test_seen")


def test_a_csv_without_splits_is_shared_out_without_leaks(tmp_path: Path):
    people, names = [f"p{n}" for n in range(40)], [f"{n}.png" for n in range(8)]
    lines = [f"{user},{name},{1 + n % 5}" for user in people for n, name in enumerate(names)]
    folder = table_of(tmp_path / "mine", "\n".join(["user,image,score", *lines]), *names)
    table = load_data(f"csv={folder}")
    assert {row.role for row in table} <= set(ROLES)
    assert 0 < len(table.where(role="train")) < len(lines)
    assert table == load_data(f"csv={folder}")
    roles = [role_of(f"p{n}", f"{m}.png") for n in range(500) for m in range(200)]
    shares = {role: roles.count(role) / len(roles) for role in ROLES}
    assert shares["train"] == pytest.approx(0.8 * 0.7, abs=0.08)
    assert all(share > 0 for share in shares.values())


@pytest.mark.parametrize("user", [f"u{n}" for n in range(8)])
def test_a_single_person_of_a_csv_is_trained_on(tmp_path: Path, user: str):
    lines = ["user,image,score", *(f"{user},{n}.png,{1 + n % 5}" for n in range(40))]
    folder = table_of(tmp_path, "\n".join(lines))
    for n in range(40):
        PIL.Image.new("RGB", (8, 8), (n, 0, 0)).save(folder / f"{n}.png")
    table = load_data(f"csv={folder}")
    assert len(table) == 40
    assert {row.role for row in table} == {"train", "val_seen", "test_seen"}
    assert "in no split" not in table.report()


def test_two_tables_in_a_folder_share_people_out_alike(tmp_path: Path):
    names = [f"{n}.png" for n in range(8)]
    pictures(tmp_path, *names)
    for name, count in (("a", 8), ("b", 40)):
        rows = [f"p{p},{i},{1 + n % 5}" for p in range(count) for n, i in enumerate(names)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["user,image,score", *rows]))
    few, many = (load_data(f"csv={tmp_path / name}.csv") for name in "ab")
    roles = {(row.user, row.image): row.role for row in many}
    assert few.rows
    assert all(roles[row.user, row.image] == row.role for row in few)


def test_a_table_to_evaluate_on_needs_nobody_in_training(tmp_path: Path):
    text = "user,image,score,split\nada,a.png,4,test_seen\nada,b.png,2,test_seen\n"
    table = load_data(f"csv={table_of(tmp_path, text, 'a.png', 'b.png')}")
    assert (len(table), table.unused) == (2, 0)


def test_ratings_that_no_split_is_for_are_counted(tmp_path: Path):
    people, names = [f"p{n}" for n in range(40)], [f"{n}.png" for n in range(8)]
    lines = [f"{user},{name},{1 + n % 5}" for user in people for n, name in enumerate(names)]
    folder = table_of(tmp_path / "mine", "\n".join(["user,image,score", *lines]), *names)
    table = load_data(f"csv={folder}")
    assert table.unused == len(lines) - len(table) > 0
    assert f"; {table.unused} more are in no split" in table.report()
    assert (table + table).unused == 2 * table.unused


FLAWS = {
    "a missing field": ("ada,a.png,,train", "line 3 lacks 'score'"),
    "no number": ("ada,a.png,good,train", "line 3: score = 'good' is not a number"),
    "no finite number": ("ada,a.png,nan,train", "line 3: score = 'nan' is not a number"),
    "a duplicate": ("ada,b.png,3,train", "line 3: 'ada' rates 'b.png' again"),
    "an unknown split": ("ada,a.png,3,dev", "line 3: split = 'dev' is none of train"),
    "an unknown person": ("eve,a.png,3,val_seen", "'eve' of 'mine_val_seen' is not in training"),
    "a way out": ("ada,../a.png,3,train", "line 3: the picture '../a.png' leaves"),
}


@pytest.mark.parametrize("name", FLAWS)
def test_a_flawed_row_is_named_or_counted(tmp_path: Path, name: str):
    row, message = FLAWS[name]
    text = f"user,image,score,split\nada,b.png,4,train\n{row}\nada,c.png,5,test_seen\n"
    spec = f"csv={table_of(tmp_path / 'mine', text, 'a.png', 'b.png', 'c.png')}"

    with pytest.raises(InputError, match=r"ratings\.csv") as error:
        load_data(spec)
    assert message in str(error.value)
    assert "--lenient" in str(error.value)

    table = load_data(spec, lenient=True)
    assert [row.image.name for row in table] == ["b.png", "c.png"]
    assert len(table.flaws) == 1
    assert message in table.report()


def test_scores_out_of_a_published_scale_are_flaws(para: Path, lapis: Path):
    images = para / "annotation" / "PARA-Images.csv"
    images.write_text(images.read_text().replace(",3.5,", ",5.5,"))
    with pytest.raises(InputError, match=r"line 2: aestheticScore = '5.5' is not from 1 to 5"):
        load_data(f"para={para}")
    ratings = lapis / "annotation" / "LAPIS_PIAA.csv"
    ratings.write_text(ratings.read_text("latin-1").replace(",73,", ",101,"), "latin-1")
    with pytest.raises(InputError, match=r"line 2: response = '101' is not from 0 to 100"):
        load_data(f"lapis={lapis}")


def test_a_rater_without_a_description_is_a_flaw(para: Path):
    users = para / "annotation" / "PARA-UserInfo.csv"
    users.write_text(users.read_text().replace("A1,", "A2,"))
    with pytest.raises(InputError, match=r"userId = 'A1' is not in PARA-UserInfo.csv"):
        load_data(f"para={para}")


def rated(user: str, image: str, role: str) -> Row:
    return Row(user, Path(image), 3.0, "d", f"d_{role}")


def test_an_unseen_person_in_training_is_an_error():
    rows = [rated("ada", "a.png", "train"), rated("ada", "b.png", "test_unseen")]
    with pytest.raises(InputError, match=r"1 people of evaluation splits .* 'ada' of 'd_test_un"):
        check_leaks(rows)


def test_a_picture_in_training_and_evaluation_is_an_error_even_under_two_names(tmp_path: Path):
    text = "user,image,score,split\nada,a.png,4,train\nada,b.png,5,test_seen\n"
    folder = table_of(tmp_path / "mine", text, "a.png")
    (folder / "b.png").write_bytes((folder / "a.png").read_bytes())
    with pytest.raises(InputError, match=r"1 pictures of .* 'b\.png' of 'mine_test_seen'"):
        load_data(f"csv={folder}", lenient=True)


def test_the_same_name_in_two_data_sets_is_two_people():
    rows = [rated("ada", "a.png", "train"), Row("ada", Path("b.png"), 1, "e", "e_test_unseen")]
    check_leaks(rows)


def test_data_sets_are_joined_and_told_of(para: Path, lapis: Path):
    (para / "imgs" / "session1" / "iaa_pub1_.jpg").write_bytes(b"no picture")
    table = load_data(f"para={para}") + load_data(f"lapis={lapis}")
    assert [row.dataset for row in table] == ["para", "lapis", "lapis", "lapis"]
    assert table.report().startswith("4 ratings of 4 pictures by 2 people; left out 1 ratings")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("pamela", "'pamela' is no <layout>=<folder>"),
        ("ava=x", "layouts are pamela, para, lapis, csv"),
        ("para=nowhere", "'nowhere' does not exist"),
    ],
)
def test_a_wrong_spec_says_what_there_is(spec: str, message: str):
    with pytest.raises(InputError, match=message):
        load_data(spec)


def test_unknown_columns_are_refused(tmp_path: Path):
    folder = table_of(tmp_path / "mine", "user,image,score,mood\nada,a.png,3,x\n", "a.png")
    with pytest.raises(InputError, match="unknown column 'mood': known are user, image, score"):
        load_data(f"csv={folder}")
