"""What the lake benchmark found: every figure as it is measured, with its target and whether it is met."""

from __future__ import annotations

from dataclasses import dataclass, field

_WIDTH = 56


@dataclass(slots=True)
class Report:
    """Figures by name; those with a target also say `target` and `met`."""

    figures: dict[str, object] = field(default_factory=dict)

    def title(self, text: str) -> None:
        """What comes next."""
        print(f"-- {text}", flush=True)

    def note(self, name: str, value: float | str) -> None:
        """A figure without a target."""
        self.figures[name] = value
        print(f"  {name:{_WIDTH}} {value:>12,}" if not isinstance(value, str) else f"  {name:{_WIDTH}} {value}")

    def at_most(self, name: str, value: float, target: float, goal: float | None = None) -> None:
        """A figure that should be low; beyond the target there may be a goal."""
        self._held(name, value, f"at most {target:g}", value <= target, goal and (goal, value <= goal))

    def at_least(self, name: str, value: float, target: float) -> None:
        """A figure that should be high."""
        self._held(name, value, f"at least {target:g}", value >= target, None)

    def aim(self, name: str, value: float, goal: float) -> None:
        """A figure that should be low, but need not be."""
        self.figures[name] = {"value": round(value, 3), "goal": goal, "goal_met": value <= goal}
        print(f"  {name:{_WIDTH}} {value:>12.3f}  goal {goal:g}: {'met' if value <= goal else 'missed'}")

    def _held(self, name: str, value: float, target: str, met: bool, goal: tuple[float, bool] | None) -> None:
        found: dict[str, object] = {"value": round(value, 3), "target": target, "met": met}
        said = f"{target}: {'met' if met else 'MISSED'}"
        if goal:
            found |= {"goal": goal[0], "goal_met": goal[1]}
            said += f"; goal {goal[0]:g}: {'met' if goal[1] else 'missed'}"
        self.figures[name] = found
        print(f"  {name:{_WIDTH}} {value:>12.3f}  {said}")

    @property
    def missed(self) -> list[str]:
        """The names of the figures that do not meet their target."""
        return [name for name, found in self.figures.items() if isinstance(found, dict) and not found.get("met", True)]
