import torch

from workers.training.memory import Memory, Remembered


def pairs(*labels):
    numbers = torch.tensor(labels)
    rows = numbers.float()[:, None].repeat(1, 2)
    return Remembered(rows, -rows, numbers, numbers + 100)


def test_the_oldest_pairs_are_forgotten_first():
    memory = Memory(5, 2)
    for labels in ((1, 2), (3, 4), (5, 6)):
        memory.add(pairs(*labels))
    past = memory.with_past(pairs(9))
    assert past.groups[0] == 9
    assert sorted(past.groups[1:].tolist()) == [2, 3, 4, 5, 6]
    for image, caption, group, text in zip(*past, strict=True):
        assert image.tolist() == [group, group] == (-caption).tolist()
        assert text == group + 100


def test_empty_places_and_what_describes_the_same_are_no_negatives():
    memory = Memory(3, 2)
    memory.add(pairs(1))
    others = memory.with_past(pairs(1, 2))
    assert others.describes(pairs(1, 2)).tolist() == [
        [True, False, True, True, True],
        [False, True, False, True, True],
    ]


def test_the_same_words_in_another_group_are_no_negative():
    left, right = pairs(1), pairs(2)._replace(texts=torch.tensor([101]))
    assert right.describes(left).tolist() == [[True]]


def test_a_memory_of_no_size_remembers_nothing():
    memory = Memory(0, 2)
    memory.add(pairs(1, 2))
    assert len(memory.with_past(pairs(1)).groups) == 1


def test_the_past_takes_no_gradient_and_the_batch_does():
    memory, batch = Memory(4, 2), pairs(1)
    images = batch.images.clone().requires_grad_()
    memory.add(batch._replace(images=images))
    total = memory.with_past(batch._replace(images=images)).images.square().sum()
    memory.add(pairs(5, 6, 7, 8))
    total.backward()
    assert images.grad.tolist() == [[2.0, 2.0]]
    assert not memory.images.requires_grad


def test_a_checkpoint_carries_the_memory():
    memory = Memory(3, 2)
    memory.add(pairs(1, 2))
    other = Memory(3, 2)
    other.load_state_dict(memory.state_dict())
    other.add(pairs(3))
    assert other.groups.tolist() == [1, 2, 3]


def test_of_a_batch_larger_than_the_memory_the_last_pairs_are_remembered():
    memory = Memory(2, 2)
    memory.add(pairs(1, 2, 3, 4, 5))
    assert sorted(memory.groups.tolist()) == [4, 5]
    memory.add(pairs(6))
    assert sorted(memory.groups.tolist()) == [5, 6]
