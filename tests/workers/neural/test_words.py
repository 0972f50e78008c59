import pytest
import torch
from torch import nn

from workers.neural.errors import WeightsError
from workers.neural.words import fill_words

VOCABULARY = ["<pad>", "<start>", "<end>", "<unk>", "a", "dog", "n't", "zebra"]


def written(tmp_path, content):
    path = tmp_path / "glove.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_known_words_get_their_vectors_and_the_others_keep_theirs(tmp_path):
    table = nn.Embedding(len(VOCABULARY), 3, padding_idx=0)
    before = table.weight.detach().clone()
    path = written(tmp_path, "the 9 9 9\ndog 0.5 -1 2e-1\nn't 1 2 3\na 4 5 6\n")
    assert fill_words(table, VOCABULARY, path) == 3
    torch.testing.assert_close(table.weight[5], torch.tensor([0.5, -1.0, 0.2]))
    torch.testing.assert_close(table.weight[6], torch.tensor([1.0, 2.0, 3.0]))
    torch.testing.assert_close(table.weight[[0, 1, 2, 3, 7]], before[[0, 1, 2, 3, 7]])


def test_a_words_first_line_counts(tmp_path):
    table = nn.Embedding(len(VOCABULARY), 2)
    assert fill_words(table, VOCABULARY, written(tmp_path, "dog 1 1\ndog 2 2\n")) == 1
    assert table.weight[5].tolist() == [1, 1]


def test_words_with_spaces_and_word2vecs_heading_are_understood(tmp_path):
    table = nn.Embedding(len(VOCABULARY), 2)
    path = written(tmp_path, "3 2\nat name@domain.com 7 7\n. . . 8 8\ndog 1 2\n")
    assert fill_words(table, VOCABULARY, path) == 1
    assert table.weight[5].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("a 1 2\ndog 1\n", "line 2 has 1 values"),
        ("a 1 2\ndog 1 2 3\n", "line 2 has 3 values"),
        ("a 1 2 3\n", "line 1 has 3 values"),
        ("a 1 2\n\n", "line 2 has 0 values"),
        ("a 1 2\ndog 1 two\n", "line 2: .*'dog'"),
        ("a 1 2\ndog 1 nan\n", "line 2: .*'dog'"),
        (b"a 1 2\n\xff\xfe 1 2\n", "line 2 is not UTF-8"),
        ("the 1 2\n", "none of the vocabulary"),
        ("", "none of the vocabulary"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_the_lines_number(tmp_path, content, named):
    with pytest.raises(WeightsError, match=named):
        fill_words(nn.Embedding(len(VOCABULARY), 2), VOCABULARY, written(tmp_path, content))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"none\.txt"):
        fill_words(nn.Embedding(len(VOCABULARY), 2), VOCABULARY, tmp_path / "none.txt")
