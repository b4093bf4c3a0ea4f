"""Keeps the provider's accent readable on whatever it stands on."""

from __future__ import annotations


def readable(colour: str, background: str, contrast: float = 4.5) -> str:
    """`colour`, moved towards black or white until it reaches that contrast with `background` (WCAG 2.2, 1.4.3)."""
    target = 0 if _luminance(background) > 0.18 else 255
    channels = _channels(colour)
    for step in range(21):
        mixed = [round(channel + (target - channel) * step / 20) for channel in channels]
        moved = "#{:02x}{:02x}{:02x}".format(*mixed)
        if _contrast(moved, background) >= contrast:
            break
    return moved


def text_on(background: str) -> str:
    """White or near-black, whichever reads better."""
    return max(("#ffffff", "#1c1b1a"), key=lambda colour: _contrast(colour, background))


def _contrast(one: str, other: str) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def _channels(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
