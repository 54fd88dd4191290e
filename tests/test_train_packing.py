"""Shared-prefix packing is exact, and loses no row."""

from __future__ import annotations

import random

import pytest

from tests import train_tiny as tiny

np = pytest.importorskip("numpy")

from train.packing import Group, Item, fill, pack, plan_epoch, split_group  # noqa: E402

NEEDS = "training is not installed: pip install torch==2.13.0 and the train extra"


def ids(*values: int) -> object:
    return np.array(values, np.int32)


def test_a_question_sees_its_schema_and_itself_only():
    one = Group(ids(10, 11), (Item(ids(20), ids(30, 31)), Item(ids(21), ids(32))))
    packed = pack([one, Group(ids(12), (Item(ids(22), ids(33)),))])
    assert packed.ids.tolist() == [10, 11, 20, 30, 31, 21, 32, 12, 22, 33]
    assert packed.positions.tolist() == [0, 1, 2, 3, 4, 2, 3, 0, 1, 2]
    seen = {int(i): packed.ids[row].tolist() for i, row in zip(packed.ids, packed.seen(), strict=True)}
    assert seen[31] == [10, 11, 20, 30, 31]
    assert seen[32] == [10, 11, 21, 32]
    assert seen[33] == [12, 22, 33]
    assert packed.ids[packed.loss_at].tolist() == [20, 30, 21, 22]
    assert packed.labels.tolist() == [30, 31, 32, 33]
    assert packed.owner.tolist() == [0, 0, 1, 2]


def test_a_target_right_after_the_prefix_is_predicted_from_the_prefix():
    packed = pack([Group(ids(10, 11), (Item(ids(), ids(30)), Item(ids(), ids(31, 32))))])
    assert packed.loss_at.tolist() == [1, 1, 3]


def test_splitting_keeps_every_question_that_fits_and_counts_the_rest():
    group = Group(ids(*range(10)), tuple(Item(ids(*range(n)), ids(1)) for n in (3, 3, 3, 3, 30)))
    pieces, too_long = split_group(group, questions=3, max_length=20)
    assert [len(piece.items) for piece in pieces] == [2, 2]
    assert all(len(piece) <= 20 for piece in pieces)
    assert too_long == 1


def test_filling_loses_nothing_and_respects_the_length():
    rng = random.Random(0)
    groups = [Group(ids(*range(rng.randint(1, 30))), ()) for _ in range(50)]
    bins = fill(groups, 32)
    assert sorted(len(g) for one in bins for g in one) == sorted(map(len, groups))
    assert all(sum(map(len, one)) <= 32 for one in bins)


def test_an_epoch_plan_holds_every_question_once_and_depends_on_the_seed_alone():
    groups = tiny.groups(number=8, questions=7)
    plans = [
        plan_epoch(groups, questions=3, max_length=60, batch_size=5, rng=random.Random(seed))[0]
        for seed in (1, 1, 2)
    ]
    flat = [[item for step in plan for seq in step for g in seq for item in g.items] for plan in plans]
    assert len(flat[0]) == 56
    assert {id(i) for i in flat[0]} == {id(i) for g in groups for i in g.items}
    assert [id(i) for i in flat[0]] == [id(i) for i in flat[1]] != [id(i) for i in flat[2]]


@pytest.mark.parametrize("family", ["qwen2", "llama"])
def test_packed_and_unpacked_rows_give_the_same_loss_and_gradients(family):
    torch = pytest.importorskip("torch", reason=NEEDS)
    pytest.importorskip("transformers", reason=NEEDS)
    from train.objective import exact_questions, forward

    groups = tiny.groups(seed=3)
    model = tiny.model(family)

    def gradients(sequences: list[list[Group]]) -> tuple[float, int, dict[str, torch.Tensor]]:
        model.zero_grad()
        total, exact = 0.0, 0
        for sequence in sequences:
            packed = pack(sequence)
            outcome = forward(model, packed, "cpu")
            outcome.nll.backward()
            total += outcome.nll.item()
            with torch.no_grad():
                exact += exact_questions(forward(model, packed, "cpu"), packed)
        return total, exact, {name: p.grad.clone() for name, p in model.named_parameters()}

    alone = [[Group(group.prefix, (item,))] for group in groups for item in group.items]
    loss, exact, expected = gradients(alone)
    for sequences in ([[group] for group in groups], [groups]):
        packed_loss, packed_exact, found = gradients(sequences)
        assert packed_loss == pytest.approx(loss, rel=1e-6)
        assert packed_exact == exact
        for name, gradient in expected.items():
            assert (found[name] - gradient).abs().max() <= 2e-5 * gradient.abs().max(), name


@pytest.mark.parametrize("family", ["qwen2", "llama"])
def test_an_unpacked_row_has_the_loss_that_transformers_computes(family):
    torch = pytest.importorskip("torch", reason=NEEDS)
    pytest.importorskip("transformers", reason=NEEDS)
    from train.objective import forward

    model = tiny.model(family)
    group = tiny.groups(seed=5, number=1, questions=1)[0]
    item = group.items[0]
    packed = pack([group])
    labels = torch.full((1, len(packed)), -100)
    labels[0, -len(item.target) :] = torch.from_numpy(item.target).long()
    theirs = model(input_ids=torch.from_numpy(packed.ids)[None], labels=labels).loss * len(item.target)
    assert forward(model, packed, "cpu").nll.item() == pytest.approx(theirs.item(), rel=1e-6)


def test_masking_is_not_vacuous_a_broken_mask_changes_the_loss():
    pytest.importorskip("transformers", reason=NEEDS)
    import dataclasses

    from train.objective import forward

    model = tiny.model("llama")
    packed = pack(tiny.groups(seed=3))
    leaky = dataclasses.replace(packed, segment=np.minimum(packed.segment, 1))
    restarted = dataclasses.replace(packed, positions=np.arange(len(packed)))
    losses = {round(forward(model, p, "cpu").nll.item(), 4) for p in (packed, leaky, restarted)}
    assert len(losses) == 3
