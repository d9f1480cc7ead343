"""Answers that are JSON by construction: at every token of a value only those are chosen among that keep it valid.

A schema is an object whose properties are choices, whole numbers of a range, or texts of a greatest length:
{"type": "object", "properties": {"kind": {"enum": ["book", "game"]}, "stars": {"type": "integer", "minimum": 1,
"maximum": 5}, "why": {"type": "string", "maxLength": 40}}}
"""
import json
from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np
import torch

from workbench.errors import UserError

MOST = 1000  # values of a choice
Pick = Callable[[np.ndarray], int]  # the place of one of logits (n,)


def fields_of(schema: dict) -> dict[str, list[str] | int]:
    """For each property the JSON texts that it may be, or the greatest length of a text. UserError for another form."""
    properties = schema.get("properties") if isinstance(schema, dict) and schema.get("type") == "object" else None
    if not properties:
        raise UserError(f"a schema is {{'type': 'object', 'properties': {{name: ...}}}}; given {schema!r}")
    return {name: _field(name, how) for name, how in properties.items()}


def _field(name: str, how: dict) -> list[str] | int:
    if options := how.get("enum"):
        texts = [json.dumps(option, ensure_ascii=False) for option in options]
    elif how.get("type") == "integer" and {"minimum", "maximum"} <= set(how):
        texts = [str(number) for number in range(how["minimum"], how["maximum"] + 1)]
    elif how.get("type") == "string" and how.get("maxLength", 0) > 0:
        return how["maxLength"]
    else:
        texts = []
    if not 0 < len(texts) <= MOST or len(set(texts)) < len(texts):
        raise UserError(f"the property {name!r} must be an enum, an integer with minimum and maximum (at most {MOST} "
                        f"values) or a string with maxLength; given {how!r}")  # fmt: skip
    return texts


def picker(temperature: float, rng: np.random.Generator) -> Pick:
    """Picks the largest of logits, or with a temperature above 0 draws one from their softmax."""

    def pick(logits: np.ndarray) -> int:
        if not temperature:
            return int(logits.argmax())
        scaled = np.exp((logits - logits.max()) / temperature)
        return int(rng.choice(len(scaled), p=scaled / scaled.sum()))

    return pick


def longest_answer(tokenizer: Any, fields: dict[str, list[str] | int]) -> int:
    """The most tokens that an answer has."""
    sizes = [field if isinstance(field, int) else max(len(_tokens(tokenizer, text + ", ")) for text in field)
             for field in fields.values()]  # fmt: skip
    return sum(sizes) + sum(len(_tokens(tokenizer, f'{{"{name}": "", }}')) for name in fields)


@torch.no_grad()
def json_answer(model: Any, tokenizer: Any, plain: np.ndarray, prompt: list[int], fields: dict, pick: Pick) -> str:
    """The answer to a prompt of tokens. plain: (V,) how many characters of a JSON string each token is, 0 for one that
    cannot stand in it (`plain_tokens`)."""
    context, values = _Context(model, prompt), {}
    for at, (name, field) in enumerate(fields.items()):
        end = "}" if at == len(fields) - 1 else ","
        context.read(_tokens(tokenizer, ("{" if not at else " ") + json.dumps(name) + ": "))
        if isinstance(field, int):
            values[name] = _text(context, tokenizer, plain, field, pick)
            context.read(_tokens(tokenizer, '"' + end))
        else:
            values[name] = json.loads(field[_choice(context, [_tokens(tokenizer, text + end) for text in field], pick)])
    return json.dumps(values, ensure_ascii=False)


def plain_tokens(tokenizer: Any, size: int) -> np.ndarray:
    """(size,) int64: the characters of each token that may stand in a JSON string as they are; 0 for quotes, escapes,
    control characters, parts of characters and special tokens."""
    texts = tokenizer.batch_decode([[token] for token in range(min(size, len(tokenizer)))])
    special = set(tokenizer.all_special_ids)
    found = [len(text) if text.isprintable() and not set(text) & set('"\\\ufffd') and token not in special else 0
             for token, text in enumerate(texts)]  # fmt: skip
    return np.array(found + [0] * (size - len(found)), np.int64)


def read_json(text: str) -> Any:
    """The JSON value of an answer. UserError where it is none."""
    try:
        return json.loads(text)
    except ValueError as error:
        message = f"the answer is not JSON ({error}): {text[:80]!r}; with a schema it always is"
        raise UserError(message, code=1) from error


class _Context:
    """Tokens read so far, as keys and values; logits: (V,) of the next one."""

    def __init__(self, model: Any, tokens: list[int]):
        self.model, self.cache = model, None
        self.name = "cache" if "cache" in signature(model.forward).parameters else "past_key_values"  # older ones
        self.read(tokens)

    def read(self, tokens: list[int]) -> None:
        """Read more tokens."""
        ids = torch.tensor([tokens], device=self.model.device)
        output = self.model(ids, use_cache=True, logits_to_keep=1, **{self.name: self.cache})
        self.cache, self.logits = output[self.name], output.logits[0, -1].double().cpu().numpy()


def _choice(context: _Context, rows: list[list[int]], pick: Pick) -> int:
    """The place of one of the rows of tokens, of which none begins another; it is read."""
    live, at = list(range(len(rows))), 0
    while len(live) > 1 and at < len(rows[live[0]]):
        allowed = sorted({rows[row][at] for row in live})
        token = allowed[pick(context.logits[allowed]) if len(allowed) > 1 else 0]
        context.read([token])
        live, at = [row for row in live if rows[row][at] == token], at + 1
    if rest := rows[live[0]][at:]:
        context.read(rest)
    return live[0]


def _text(context: _Context, tokenizer: Any, plain: np.ndarray, longest: int, pick: Pick) -> str:
    """A text of at most `longest` characters; it is read, with the quote before it and without the one after it."""
    (quote, *_), chosen, room = _tokens(tokenizer, '"'), [], longest
    context.read([quote])
    while room > 0:
        allowed = np.append(np.flatnonzero((plain > 0) & (plain <= room)), quote)
        token = int(allowed[pick(context.logits[allowed])])
        if token == quote:
            break
        context.read([token])
        chosen.append(token)
        room -= int(plain[token])
    return tokenizer.decode(chosen)[:longest] if chosen else ""


def _tokens(tokenizer: Any, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False).input_ids
