from workers.training.layout import Captioned
from workers.training.word_store import word_store


def test_words_are_found_once_and_again_for_other_captions(data, tmp_path, monkeypatch):
    split, _ = data.splits()
    found = word_store(split, tmp_path / "cache")
    assert found == split.words()
    words = Captioned.words
    asked = []
    monkeypatch.setattr(Captioned, "words", lambda self: asked.append(self) or words(self))
    assert word_store(split, tmp_path / "cache") == found
    assert asked == []
    other = Captioned(split.paths[:1], (("A new one.",),), (0,))
    assert word_store(other, tmp_path / "cache") == ((["a", "new", "one", "."],),)
    assert asked == [other]
