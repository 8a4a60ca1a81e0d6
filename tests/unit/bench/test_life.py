from bench.life import fraction


def test_rounds_are_spread_evenly_over_the_second_however_many_there_are() -> None:
    for rounds in range(1, 41):
        fractions = sorted(fraction(number) for number in range(1, rounds + 1))
        gaps = [b - a for a, b in zip([0.0, *fractions], [*fractions, 1.0], strict=True)]
        assert max(gaps) <= 2 / (rounds + 1)


def test_rounds_that_follow_each_other_are_far_apart() -> None:
    for number in range(1, 40):
        assert abs(fraction(number) - fraction(number + 1)) >= 0.25
