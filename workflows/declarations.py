"""What a node says of itself: its inputs, its outputs, and which values it takes.

ComfyUI's V1 classes declare `INPUT_TYPES()`, `RETURN_TYPES`, `FUNCTION`, `OUTPUT_NODE`. Here they are read once into
frozen values, and a saved value is held against them. Types are stricter than ComfyUI's, which turns "7" or 3.9 into an
integer: a value of another type nearly always means that a file was made for another version of the node.
"""

import difflib
import inspect
import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..engine import WorkflowError

__all__ = ["Catalogue", "Declaration", "Input", "nearest", "sockets_match"]

WIDGETS = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")
CONTROLS = ("fixed", "increment", "increment-wrap", "decrement", "randomize")
SEEDS = ("seed", "noise_seed")


@dataclass(frozen=True)
class Input:
    """One declared input. `choices` is what a COMBO offers, None for every other type."""

    name: str
    type: str
    options: Mapping[str, Any]
    required: bool
    choices: tuple[object, ...] | None = None

    @property
    def is_widget(self) -> bool:
        """True if the value can be set on the node itself, so that it has a place in `widgets_values`."""
        return self.type in WIDGETS and not self.options.get("forceInput", False)

    @property
    def has_control(self) -> bool:
        """True if the page puts a `control_after_generate` of its own behind this widget.

        INT inputs called seed or noise_seed get one without asking for it.
        """
        by_name = self.type == "INT" and self.name in SEEDS
        return bool(self.options.get("control_after_generate", by_name))

    def check(self, value: object, where: str, limits: bool = True) -> object:
        """Return `value` as the declared type. `limits=False` leaves range and choices to the node's own check.

        Raises WorkflowError for a value of another type, NaN, out of range, or not among the choices.
        """
        if self.type not in WIDGETS:
            raise WorkflowError(f"{where} must be connected to a {self.type} output, got the value {value!r:.60}.")
        value = _typed(self.type, value, where)
        if self.type == "COMBO" and not isinstance(value, str) and all(isinstance(c, str) for c in self.choices or ()):
            raise WorkflowError(f"{where} takes the text of one of its choices, got {value!r:.80}. Correct the file.")
        if limits:
            self._check_limits(value, where)
        return value

    def _check_limits(self, value: Any, where: str) -> None:
        if self.type in ("INT", "FLOAT"):
            low, high = self.options.get("min", -math.inf), self.options.get("max", math.inf)
            if not low <= value <= high:
                raise WorkflowError(f"{where} must lie in {low}..{high}, got {value}. Choose a value in that range.")
        if self.choices is not None and value not in self.choices:
            raise WorkflowError(
                f"{where} must be one of {_listed(self.choices)}; got {value!r:.80}.{self._hint(value)}"
            )

    def _hint(self, value: object) -> str:
        return nearest(str(value), map(str, self.choices or ()))

    def parse(self, text: str, where: str) -> object:
        """Read a value typed on the command line. Raises WorkflowError if it does not read as the declared type."""
        try:
            return _PARSERS.get(self.type, self._choice)(text)
        except ValueError as error:
            raise WorkflowError(f"{where} takes {_KINDS[self.type]}, got {text!r}. Write it as one.") from error

    def _choice(self, text: str) -> object:
        return next((choice for choice in self.choices or () if str(choice) == text), text)


@dataclass(frozen=True)
class Declaration:
    """A node class, read: inputs by name in order, hidden inputs (name -> what is asked), output types."""

    cls: type
    name: str
    inputs: Mapping[str, Input]
    hidden: Mapping[str, str]
    outputs: tuple[str, ...]
    is_output: bool
    validates: frozenset[str]
    validates_all: bool

    @property
    def widgets(self) -> tuple[Input, ...]:
        """The inputs that have a value in `widgets_values`, in its order."""
        return tuple(entry for entry in self.inputs.values() if entry.is_widget)

    def positions(self, values: list[object], where: str) -> dict[str, int]:
        """Where each widget's value stands in a saved `widgets_values` list.

        Raises WorkflowError if the list is longer or shorter than this node's widgets: the file was then saved by
        another version of the node, and reading it by position would put values into the wrong inputs.
        """
        found, index = self._places(values)
        uploads = any(widget.options.get("image_upload", False) for widget in self.widgets)
        if uploads and values[index:] == ["image"]:  # the upload button comes last, and saves this word
            index += 1
        if index != len(values):
            names = ", ".join(found) or "none"
            raise WorkflowError(
                f"{where} has widgets for {len(found)} values ({names}), the file has {len(values)}: {values!r:.120}. "
                "It was saved by another version of this node; open it in ComfyUI, set the values, save it again."
            )
        return found

    def completed(self, values: list[object]) -> list[object]:
        """A saved list, and the defaults of widgets that the node got after it was saved, as on ComfyUI's page."""
        found, end = self._places(values)
        later = [widget for widget in self.widgets if found[widget.name] >= len(values)]
        fits = bool(values) and end - len(later) == len(values) and all("default" in one.options for one in later)
        return [*values, *(widget.options["default"] for widget in later)] if fits else values

    def _places(self, values: list[object]) -> tuple[dict[str, int], int]:
        """Where each widget's value stands, were none missing, and where the list would end."""
        found, index = {}, 0
        for widget in self.widgets:
            found[widget.name] = index
            index += 1
            if widget.has_control and index < len(values) and values[index] in CONTROLS:
                index += 1
        return found, index


class Catalogue:
    """The node classes that a workflow may use, by class type, with the names people see."""

    def __init__(self, classes: Mapping[str, type], names: Mapping[str, str] | None = None) -> None:
        """Hold `classes` (class type -> V1 class) and `names` (class type -> display name)."""
        self.classes = dict(classes)
        self.names = dict(names or {})
        self._read: dict[str, Declaration] = {}

    def __contains__(self, class_type: str) -> bool:
        return class_type in self.classes

    def name(self, class_type: str) -> str:
        """The name shown on the node when the user gave it none."""
        return self.names.get(class_type, class_type)

    def over(self, other: "Catalogue") -> "Catalogue":
        """Both as one; where both have a class type, this one's stays, as ComfyUI keeps its own nodes."""
        return Catalogue({**other.classes, **self.classes}, {**other.names, **self.names})

    def declaration(self, class_type: str, where: str) -> Declaration:
        """What the class declares. Raises WorkflowError for an unknown class, suggesting the nearest."""
        if class_type not in self.classes:
            raise WorkflowError(
                f"{where} is of type {class_type!r}, which is not known here.{nearest(class_type, self.classes)} Only "
                "this pack's nodes and a few of ComfyUI's own run without ComfyUI; remove the node or run the workflow "
                "in ComfyUI."
            )
        if class_type not in self._read:
            self._read[class_type] = _declaration(self.classes[class_type], self.name(class_type))
        return self._read[class_type]


def sockets_match(given: str, wanted: str) -> bool:
    """Whether an output of type `given` may enter an input of type `wanted`.

    A type may be a list with commas, of which one has to agree; `*` agrees with everything, as on ComfyUI's page. A
    type that is a `str` of its own kind may decide by its `!=`, which is how packs write "anything".
    """
    if not given != wanted:  # noqa: SIM202 - packs override `__ne__` alone
        return True
    given_types, wanted_types = ({part.strip() for part in str(t).split(",")} for t in (given, wanted))
    return "*" in given_types | wanted_types or bool(given_types & wanted_types)


def nearest(word: str, known: Iterable[str]) -> str:
    """` Did you mean ...?` for the closest known word, or nothing."""
    lowered = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), lowered, n=1)
    return f" Did you mean {lowered[close[0]]!r}?" if close else ""


def _declaration(cls: type, name: str) -> Declaration:
    types = cls.INPUT_TYPES()
    inputs = {key: _input(key, spec, True) for key, spec in types.get("required", {}).items()}
    inputs.update({key: _input(key, spec, False) for key, spec in types.get("optional", {}).items()})
    hidden = types.get("hidden", {})
    check = getattr(cls, "VALIDATE_INPUTS", None)
    parameters = inspect.signature(check).parameters if check else {}
    return Declaration(
        cls=cls,
        name=name,
        inputs=inputs,
        hidden={key: spec[0] if isinstance(spec, tuple | list) else spec for key, spec in hidden.items()},
        outputs=tuple("COMBO" if isinstance(kind, list | tuple) else kind for kind in cls.RETURN_TYPES),
        is_output=bool(getattr(cls, "OUTPUT_NODE", False)),
        validates=frozenset(parameters),
        validates_all=any(p.kind is p.VAR_KEYWORD for p in parameters.values()),
    )


def _input(name: str, spec: tuple[Any, ...], required: bool) -> Input:
    kind, options = spec[0], spec[1] if len(spec) > 1 else {}
    if isinstance(kind, list | tuple):
        return Input(name, "COMBO", options, required, tuple(kind))
    choices = tuple(options["options"]) if kind == "COMBO" and "options" in options else None
    return Input(name, kind, options, required, choices)


def _typed(kind: str, value: object, where: str) -> object:
    if kind == "COMBO":
        return value
    fits = not isinstance(value, bool) or kind == "BOOLEAN"
    if kind == "INT" and isinstance(value, float) and value.is_integer():
        value = int(value)  # JSON written by other programs has no integers
    if not fits or not isinstance(value, _PYTHON_TYPES[kind]):
        raise WorkflowError(f"{where} takes {_KINDS[kind]}, got {value!r:.80}. Correct the value in the file.")
    if kind == "FLOAT":
        value = _finite(value, where)
    return value


def _finite(value: Any, where: str) -> float:
    if not abs(value) <= sys.float_info.max:
        raise WorkflowError(f"{where} takes a finite number, got {value!r:.40}. Correct the value.")
    return float(value)


def _listed(choices: tuple[object, ...]) -> str:
    shown = ", ".join(repr(choice) for choice in choices[:20])
    return f"{shown} and {len(choices) - 20} more" if len(choices) > 20 else shown or "(nothing: the list is empty)"


def _boolean(text: str) -> bool:
    word = text.strip().lower()
    if word not in _BOOLEANS:
        raise ValueError(text)
    return _BOOLEANS[word]


_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_PARSERS = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": _boolean}
_PYTHON_TYPES = {"INT": int, "FLOAT": (int, float), "STRING": str, "BOOLEAN": bool}
_KINDS = {
    "INT": "a whole number",
    "FLOAT": "a number",
    "STRING": "text",
    "BOOLEAN": "true or false",
    "COMBO": "one of its choices",
}
