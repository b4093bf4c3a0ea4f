"""`python -m tests.browser.pictures FOLDER [NAME…]`: every page, in both themes, two widths and two languages, to look at."""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path

from tests.browser.hub import browsing, prefer, running, sign_in
from tests.browser.pages import places


def main(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with running() as hub, browsing() as browser:
        wanted = [place for place in places(hub) if not names or place.name in names]
        for who in dict.fromkeys(place.who for place in wanted):
            context = browser.new_context()
            page = context.new_page()
            if who:
                sign_in(page, hub, who)
            for place, theme, width, language in product(
                [place for place in wanted if place.who == who], ("light", "dark"), (360, 1280), ("en", "tr")
            ):
                prefer(context, hub, theme=theme, language=language)
                page.set_viewport_size({"width": width, "height": 800})
                page.goto(hub.base + place.path)
                page.wait_for_timeout(300)
                page.screenshot(path=folder / f"{place.name}-{theme}-{width}-{language}.png", full_page=True)
            context.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
