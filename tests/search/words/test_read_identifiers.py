import pytest

from search.words.identifiers import normalised
from search.words.read_identifiers import look_alikes, read_identifiers, shown_identifiers


@pytest.mark.parametrize(
    ("line", "value", "written"),
    [
        ("Type KX-204/B", "kx204b", "KX-204/B"),
        ("Art.-Nr. DZ 259-2T", "dz2592t", "DZ 259-2T"),
        ("S/N 774744730", "774744730", "774744730"),
        ("https://maker.example/p/7MF4033-1EA10", "7mf40331ea10", "7MF4033-1EA10"),
    ],
)
def test_a_line_names_what_stands_in_it_as_it_is_written(line, value, written):
    assert read_identifiers([line])[value] == written


@pytest.mark.parametrize(
    "line",
    [
        "24 V 60 Hz 1.6 kW",
        "IP54 1998 CE",
        "PN16",
        "DN 80",
        "2900 rpm",
        "230V",
        "0.75kW",
        "NORDPUMP",
        "50",
        "12,5 bar",
    ],
)
def test_measures_years_and_words_name_nothing(line):
    named = {normalised(word) for word in line.replace(",", ".").split()} | {normalised(line)[:4]}
    assert not named & set(read_identifiers([line]))
    assert not shown_identifiers([line])


def test_chips_show_the_words_that_look_like_numbers_of_something():
    lines = ["NORDPUMP", "Type: KX-204/B", "S/N 774744730", "400 V 50 Hz", "kx204b"]
    assert shown_identifiers(lines) == ["kx204b", "774744730"]


def test_what_is_easily_misread_is_looked_up_too_up_to_two_characters():
    assert set(look_alikes("x0")) == {"xo"}
    assert set(look_alikes("k1")) == {"ki", "kl"}
    assert "hlo02421" in look_alikes("hl002421")
    assert "hloo2421" in look_alikes("hl002421")
    assert "hiooz421" not in look_alikes("hl002421")
    assert look_alikes("kx") == []
