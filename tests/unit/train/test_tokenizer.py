"""The same texts give the same word pieces; frequent ones are whole, and no character is lost."""

from mmcore.train.tokenizer import learn_pieces, train_tokenizer


def pieces(words: dict[str, int], *, more: int) -> list[str]:
    """Return what is learned beyond single characters."""
    characters = learn_pieces(words, size=0)
    return learn_pieces(words, size=len(characters) + more)[len(characters) :]


def test_what_stands_together_most_often_is_joined_first_by_hand() -> None:
    # n-e stands 6 times, then ne-w 4 times, e-w no more, l-o and o-w 3 times.
    assert pieces({"new": 4, "net": 2, "low": 3}, more=2) == ["ne", "new"]
    # e-w stands 4 times in "new" and once in "few": joined, both neighbours are counted anew.
    assert pieces({"new": 4, "few": 1}, more=2) == ["##ew", "new"]


def test_of_equally_frequent_pairs_the_first_in_order_is_joined() -> None:
    assert pieces({"ba": 2, "ab": 2}, more=2) == ["ab", "ba"]
    assert pieces({"ab": 2, "ba": 2}, more=2) == ["ab", "ba"]


def test_a_piece_that_repeats_itself_is_joined_from_the_left() -> None:
    assert pieces({"aaaaa": 1}, more=1) == ["##aa"]


def test_the_same_texts_give_the_same_ids() -> None:
    texts = [f"{a} effusion {b}" for a in ("small", "large") for b in ("left", "right", "both")]
    one, other = (train_tokenizer(t, vocab_size=240) for t in (texts, texts[::-1]))
    assert one.get_vocab() == other.get_vocab()
    assert one.encode("Small EFFUSION").tokens == ["small", "effusion"]


def test_every_printable_character_and_every_one_seen_is_known() -> None:
    tokenizer = train_tokenizer(["38\u202f\u00b0C"], vocab_size=10)
    assert "[UNK]" not in tokenizer.encode("~ @ 3 \u00b0").tokens


def test_special_tokens_come_first_and_survive_being_saved() -> None:
    from tokenizers import Tokenizer

    tokenizer = train_tokenizer(["left effusion"], vocab_size=200)
    again = Tokenizer.from_str(tokenizer.to_str())
    assert [again.id_to_token(i) for i in range(3)] == ["[PAD]", "[UNK]", "[MASK]"]
    assert again.encode("left effusion").ids == tokenizer.encode("left effusion").ids
