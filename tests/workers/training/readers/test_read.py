"""Each published layout, written small as it is published, comes out as the same pictures, captions and splits."""

import csv
import json

import pytest
from PIL import Image

from workers.training.errors import TrainingError
from workers.training.readers.listing import split_by_name
from workers.training.readers.read import DataSource, read_source

CAPTIONS = {
    "a.jpg": ("A dog runs.", "It is red."),
    "b.jpg": ("Two men # talk.",),
    "c.jpg": ("A cat, asleep.",),
}
SPLITS = {"a.jpg": "train", "b.jpg": "val", "c.jpg": "test"}


def pictures(folder, names=tuple(CAPTIONS)):
    folder.mkdir(parents=True, exist_ok=True)
    for shade, name in enumerate(names):
        Image.new("RGB", (20, 16), (shade * 40, 9, 9)).save(folder / name)


def flickr8k(root):
    pictures(root / "Flicker8k_Dataset")
    lines = [f"{name}#{k}\t{text}\n" for name, texts in CAPTIONS.items() for k, text in enumerate(texts)]
    # The published file has captions of a picture that is in no list and has no file.
    (root / "Flickr8k.token.txt").write_text("".join([*lines, "2258277193.jpg.1#0\tA man.\n"]))
    for split, name in (("train", "a.jpg"), ("dev", "b.jpg"), ("test", "c.jpg")):
        (root / f"Flickr_8k.{split}Images.txt").write_text(f"{name}\n")
    return root


def flickr30k(root):
    pictures(root / "flickr30k-images")
    lines = [f"{name}#{k}\t{text}\n" for name, texts in CAPTIONS.items() for k, text in enumerate(texts)]
    (root / "results_20130124.token").write_text("".join(lines))
    for name, split in SPLITS.items():
        (root / f"{split}.txt").write_text(name.removesuffix(".jpg") + "\n")
    return root


def karpathy(root):
    pictures(root / "images" / "train2014", ["a.jpg"])
    pictures(root / "images" / "val2014", ["b.jpg", "c.jpg"])
    images = [
        {
            "filename": name,
            "filepath": "train2014" if name == "a.jpg" else "val2014",
            "split": SPLITS[name],
            "sentences": [{"raw": text, "tokens": []} for text in texts],
        }
        for name, texts in CAPTIONS.items()
    ]
    (root / "dataset_coco.json").write_text(json.dumps({"images": images, "dataset": "coco"}))
    return root


def coco(root):
    (root / "annotations").mkdir()
    for split, names in (("train", ["a.jpg"]), ("val", ["b.jpg"]), ("test", ["c.jpg"])):
        pictures(root / f"{split}2017", names)
        images = [{"id": number, "file_name": name} for number, name in enumerate(names)]
        texts = [
            {"id": 7, "image_id": number, "caption": text}
            for number, name in enumerate(names)
            for text in CAPTIONS[name]
        ]
        path = root / "annotations" / f"captions_{split}2017.json"
        path.write_text(json.dumps({"info": {}, "images": images, "annotations": texts}))
    return root


def table(root):
    pictures(root / "images")
    with (root / "captions.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "caption", "split"))
        for name, texts in CAPTIONS.items():
            writer.writerows((name, text, SPLITS[name]) for text in texts)
    return root


LAYOUTS = [
    (flickr8k, "flickr"),
    (flickr30k, "flickr"),
    (karpathy, "karpathy"),
    (coco, "coco"),
    (table, "csv"),
]


def read(path, **options):
    return read_source(DataSource(str(path), **options))


@pytest.mark.parametrize(("write", "layout"), LAYOUTS)
def test_every_layout_is_detected_and_gives_the_same_splits(write, layout, tmp_path):
    data = read(write(tmp_path))
    assert (data.layout, data.broken, data.name) == (layout, (), tmp_path.name)
    for name, split in SPLITS.items():
        found = data.split(split)
        assert [path.name for path in found.paths] == [name]
        assert found.paths[0].is_file()
        assert found.captions == (CAPTIONS[name],)
        assert found.groups == (0,)


def test_a_file_of_captions_can_be_named_and_its_pictures_too(tmp_path):
    karpathy(tmp_path)
    (tmp_path / "images").rename(tmp_path / "elsewhere")
    file = (tmp_path / "dataset_coco.json").rename(tmp_path / "mine.json")
    pictures(tmp_path / "images", ["x.jpg"])
    data = read(file, images=str(tmp_path / "elsewhere"))
    assert data.layout == "karpathy"
    assert data.split("val").paths == (tmp_path / "elsewhere/val2014/b.jpg",)


def test_pictures_of_cocos_folders_are_found_in_one_folder_as_well(tmp_path):
    karpathy(tmp_path)
    for path in (tmp_path / "images").rglob("*.jpg"):
        path.rename(tmp_path / "images" / path.name)
    assert read(tmp_path).split("train").paths == (tmp_path / "images/a.jpg",)


def test_one_of_cocos_files_alone_has_its_own_split_only(tmp_path):
    data = read(coco(tmp_path) / "annotations/captions_val2017.json")
    assert data.layout == "coco"
    assert (len(data.split("train")), len(data.split("val"))) == (0, 1)
    assert data.split("val").paths == (tmp_path / "val2017/b.jpg",)


def test_restval_is_trained_on(tmp_path):
    file = karpathy(tmp_path) / "dataset_coco.json"
    file.write_text(file.read_text().replace('"val"', '"restval"'))
    data = read(tmp_path)
    assert [path.name for path in data.split("train").paths] == ["a.jpg", "b.jpg"]
    assert len(data.split("val")) == 0


def test_without_a_split_a_picture_falls_into_one_by_its_name(tmp_path):
    names = [f"{number}.png" for number in range(200)]
    rows = "".join(f"{name},A dog.\n" for name in names)
    pictures(tmp_path / "images", names)
    (tmp_path / "captions.csv").write_text(f"file,caption\n{rows}")
    data = read(tmp_path)
    val = [path.name for path in data.split("val").paths]
    assert val == [name for name in names if split_by_name(name) == "val"]
    assert 8 <= len(val) <= 32
    assert len(data.split("train")) == 200 - len(val)


def test_kaggles_folder_of_flickr8k_is_read_without_its_lists(tmp_path):
    pictures(tmp_path / "Images")
    rows = "".join(f'{name},"{text}"\n' for name, texts in CAPTIONS.items() for text in texts)
    (tmp_path / "captions.txt").write_text(f"image,caption\n{rows}")
    data = read(tmp_path)
    assert (data.layout, data.broken) == ("flickr", ())
    found = {p.entry.file: (p.entry.captions, p.path.is_file()) for p in data.pictures}
    assert found == {name: (texts, True) for name, texts in CAPTIONS.items()}


def test_equal_groups_of_a_table_show_the_same(tmp_path):
    pictures(tmp_path)
    rows = "a.jpg,one,train,dog\nb.jpg,two,train,\nc.jpg,three,train,dog\na.jpg,four,,\n"
    (tmp_path / "notes.csv").write_text(f"file,caption,split,group\n{rows}")
    assert read(tmp_path).split("train").groups == (0, 1, 0)


WRONG = [
    (flickr8k, "Flickr8k.token.txt", "A dog runs.", "", "Flickr8k.token.txt line 1"),
    (karpathy, "dataset_coco.json", '"split": "val"', '"split": "vel"', "image 2: there is no split 'vel'"),
    (karpathy, "dataset_coco.json", '"raw": "It', '"row": "It', "image 1: 'raw' is missing"),
    (karpathy, "dataset_coco.json", "Two men # talk.", " ", "image 2: its caption is empty"),
    (coco, "annotations/captions_val2017.json", '"image_id": 0', '"image_id": 5', "annotation 1: there is no image"),
    (coco, "annotations/captions_train2017.json", "It is red.", "", "annotation 2: its caption is empty"),
    (table, "captions.csv", "It is red.", "", "captions.csv row 3: its caption is empty"),
    (table, "captions.csv", "red.,train", "red.,val", "row 3: it puts a.jpg into a second split"),
    (table, "captions.csv", "a.jpg,A", ",A", "row 2: it names no file"),
]  # fmt: skip


@pytest.mark.parametrize(("write", "file", "old", "new", "told"), WRONG)
def test_a_wrong_line_or_entry_is_told_by_its_number_and_not_trained_on(
    write, file, old, new, told, tmp_path
):
    path = write(tmp_path) / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    data = read(tmp_path)
    assert len(data.broken) == 1
    assert told in data.broken[0]
    with pytest.raises(TrainingError, match="1 lines or entries are wrong") as raised:
        data.split("train")
    assert told in str(raised.value)


def test_a_picture_without_a_file_or_a_caption_is_named(tmp_path):
    flickr8k(tmp_path)
    (tmp_path / "Flicker8k_Dataset/b.jpg").unlink()
    (tmp_path / "Flickr_8k.trainImages.txt").write_text("a.jpg\nnew.jpg\n")
    data = read(tmp_path)
    with pytest.raises(TrainingError, match=r"1 pictures have no file: .*b\.jpg"):
        data.split("val")
    with pytest.raises(TrainingError, match=r"1 pictures have no caption: new\.jpg"):
        data.split("train")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("dataset.json", "[]"),
        ("dataset.json", "{"),
        ("dataset.json", '{"images": 3}'),
        ("captions_val.json", '{"images": []}'),
        ("captions.csv", "picture,text\na,b\n"),
        ("captions.txt", "\udcff"),
    ],
)
def test_a_file_of_another_form_is_refused_as_a_whole(name, text, tmp_path):
    (tmp_path / name).write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(TrainingError, match=name):
        read(tmp_path / name)


def test_a_folder_of_two_layouts_needs_a_word(tmp_path):
    flickr8k(tmp_path)
    (tmp_path / "dataset_flickr8k.json").write_text('{"images": []}')
    with pytest.raises(TrainingError, match="flickr, karpathy: choose one with --layout"):
        read(tmp_path)
    assert len(read(tmp_path, layout="flickr").split("train")) == 1
    with pytest.raises(TrainingError, match="no layout 'flicker'"):
        read(tmp_path, layout="flicker")


def test_a_folder_without_a_layout_and_no_folder_at_all_are_refused(tmp_path):
    with pytest.raises(TrainingError, match="no known layout"):
        read(tmp_path)
    with pytest.raises(TrainingError, match="There is no data set"):
        read(tmp_path / "none")
