import re
from collections import Counter
from itertools import product

import numpy as np
import pytest

from demo.drawing import COLOURS, CONDITIONS, KINDS, SETTINGS, scene_sample
from demo.drawing.scene import OCCLUDERS
from demo.texts import caption_phrases, document_phrases, lexicon
from demo.texts.captions import caption, captions
from demo.texts.documents import LONGEST, SHORTEST, note
from demo.texts.phrases import Subject, sentence

SUBJECTS = [Subject(*labels) for labels in product(KINDS, COLOURS, CONDITIONS)]


def templates_of(book):
    return [t for name, value in vars(book).items() if name.isupper() for t in value]


def words_of(template):
    return re.findall(r"\{\w+\}|[\w'-]+", template.lower())


def telling_runs(template, length=4):
    """Runs of four words of which at most one is a slot: what one would recognise as the same phrase."""
    words = words_of(template)
    runs = (tuple(words[i : i + length]) for i in range(len(words) - length + 1))
    return {run for run in runs if sum(word.startswith("{") for word in run) <= 1}


def sentences_of(text):
    return [part for part in re.split(r"(?<=[.!?]) ", text) if part]


def mentions(text, options):
    return any(re.search(rf"\b{re.escape(option)}s?\b", text.lower()) for option in options)


CAPTION_TEMPLATES = templates_of(caption_phrases)
CAPTION_RUNS = {run: template for template in CAPTION_TEMPLATES for run in telling_runs(template)}


def test_there_are_enough_templates_for_the_comparison_to_mean_something():
    assert len(CAPTION_TEMPLATES) > 150
    assert len(templates_of(document_phrases)) > 90


@pytest.mark.parametrize("template", sorted(set(templates_of(document_phrases))))
def test_no_document_template_is_or_contains_or_borrows_from_a_caption_template(template):
    plain = " ".join(words_of(template))
    for other in CAPTION_TEMPLATES:
        assert plain != " ".join(words_of(other))
        if len(words_of(other)) > 4:
            assert " ".join(words_of(other)) not in plain, other
    shared = {run: CAPTION_RUNS[run] for run in telling_runs(template) if run in CAPTION_RUNS}
    assert not shared


def test_the_lexicon_has_words_for_everything_that_is_drawn():
    assert set(lexicon.KINDS) == set(KINDS)
    assert set(lexicon.COLOURS) == set(COLOURS)
    assert set(lexicon.CONDITIONS) == set(CONDITIONS)
    assert set(lexicon.SETTINGS) == set(SETTINGS)
    assert set(lexicon.OCCLUDERS) == set(OCCLUDERS)


def test_no_word_for_one_label_is_also_a_word_for_another():
    for words in (
        {kind: entry.names for kind, entry in lexicon.KINDS.items()},
        lexicon.COLOURS,
        {name: entry.states + entry.signs for name, entry in lexicon.CONDITIONS.items()},
    ):
        owners = Counter(word for options in words.values() for word in set(options))
        assert [word for word, count in owners.items() if count > 1] == []


def test_a_template_gets_its_article_and_capital():
    assert sentence("a {colour} {kind}.", {"colour": "orange", "kind": "fan"}) == "An orange fan."
    assert sentence("it is a {kind}, a used one.", {"kind": "unit"}) == "It is a unit, a used one."


def test_every_caption_names_kind_colour_and_condition_in_one_to_seven_sentences():
    rng = np.random.default_rng(1)
    lengths = Counter()
    for _ in range(600):
        scene = scene_sample(rng)
        text = caption(scene, rng)
        lengths[len(sentences_of(text))] += 1
        state = lexicon.CONDITIONS[scene.condition]
        assert mentions(text, lexicon.KINDS[scene.kind].names)
        assert mentions(text, lexicon.COLOURS[scene.colour])
        assert mentions(text, state.states + state.signs), text
    assert set(lengths) == set(range(1, 8))


def test_captions_of_one_scene_differ_and_repeat_with_the_seed():
    scene = scene_sample(np.random.default_rng(4))
    first = captions(scene, np.random.default_rng(5))
    assert len(set(first)) == 5
    assert first == captions(scene, np.random.default_rng(5))


def test_every_note_has_two_to_eight_sentences_and_says_what_it_is_about():
    seen = Counter()
    for i, subject in enumerate(SUBJECTS):
        told = note(subject, np.random.default_rng(i))
        count = len(sentences_of(told.body))
        seen[count] += 1
        assert SHORTEST <= count <= LONGEST, told.body
        state = lexicon.CONDITIONS[subject.condition]
        assert mentions(told.body, lexicon.KINDS[subject.kind].names)
        assert mentions(told.body, lexicon.COLOURS[subject.colour])
        assert mentions(told.body, state.states + state.signs), told.body
        assert told.title
    assert set(seen) == set(range(SHORTEST, LONGEST + 1))


def test_a_note_names_no_other_colour_and_no_other_condition():
    for i, subject in enumerate(SUBJECTS[::3]):
        body = note(subject, np.random.default_rng(i)).body
        for colour in set(COLOURS) - {subject.colour}:
            assert not mentions(body, lexicon.COLOURS[colour]), body
        for condition in set(CONDITIONS) - {subject.condition}:
            assert not mentions(body, lexicon.CONDITIONS[condition].states), body


def test_nearly_every_word_of_the_notes_occurs_in_captions():
    rng = np.random.default_rng(3)
    known = {word for _ in range(2500) for word in words_of(caption(scene_sample(rng), rng))}
    used = [word for i, s in enumerate(SUBJECTS) for word in words_of(note(s, np.random.default_rng(i)).body)]
    assert sum(word not in known for word in used) / len(used) < 0.03


@pytest.mark.parametrize("template", sorted(set(templates_of(document_phrases) + CAPTION_TEMPLATES)))
def test_no_sentence_has_two_articles_in_a_row(template):
    for condition in lexicon.CONDITIONS.values():
        for sign, remedy in product(condition.signs, condition.remedies):
            slots = dict.fromkeys(re.findall(r"\{(\w+)\}", template), "pump")
            said = sentence(template, slots | {"sign": sign, "remedy": remedy})
            assert not re.search(r"\b(the|its|this|an?) (an?|the)\b", said, re.IGNORECASE), said
