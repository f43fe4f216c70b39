"""What does a run look like? Points and a line as a small SVG that reads on light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence

from bench.trend import Trend

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 760, 300, 60, 44, 34, 16


def graph(points: Sequence[tuple[float, float]], line: Trend, *, title: str, x_name: str, y_name: str) -> str:
    """The graph of `points` and of the straight line through them. The y axis begins at 0."""
    x_most = max(x for x, _ in points) or 1.0
    y_most = max(y for _, y in points) * 1.15 or 1.0

    def place(x: float, y: float) -> str:
        across = LEFT + x / x_most * (WIDTH - LEFT - RIGHT)
        return f"{across:.1f},{HEIGHT - BOTTOM - y / y_most * (HEIGHT - BOTTOM - TOP):.1f}"

    ends = " ".join(place(x, line.start + line.slope * x) for x in (0.0, x_most))
    dots = "".join('<circle cx="{}" cy="{}" r="2"/>'.format(*place(x, y).split(",")) for x, y in points)
    rows = "".join(_row(y_most * part / 4, place(0, y_most * part / 4), place(x_most, y_most * part / 4)) for part in range(5))
    columns = "".join(_column(x_most * part / 5, place(x_most * part / 5, 0)) for part in range(6))
    middle = HEIGHT // 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>\n<text x="{LEFT}" y="20" font-size="14">{title}</text>\n'
        f'<g stroke="#ddd">{rows}</g>\n<g fill="#555" text-anchor="middle">{columns}'
        f'<text x="{(WIDTH + LEFT) // 2}" y="{HEIGHT - 8}">{x_name}</text></g>\n'
        f'<text x="14" y="{middle}" fill="#555" text-anchor="middle" transform="rotate(-90 14 {middle})">{y_name}</text>\n'
        f'<g fill="#2563eb">{dots}</g>\n<polyline points="{ends}" stroke="#dc2626" stroke-width="2" fill="none"/>\n</svg>\n'
    )


def _row(value: float, left: str, right: str) -> str:
    (x1, y), (x2, _) = left.split(","), right.split(",")
    label = f'<text x="{LEFT - 8}" y="{float(y) + 4:.1f}" fill="#555" stroke="none" text-anchor="end">{value:.0f}</text>'
    return f'<line x1="{x1}" y1="{y}" x2="{x2}" y2="{y}"/>{label}'


def _column(value: float, where: str) -> str:
    return f'<text x="{where.partition(",")[0]}" y="{HEIGHT - BOTTOM + 18}">{value:.1f}</text>'
