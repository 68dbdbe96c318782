"""The conventions of AGENTS.md that a machine can check."""

from __future__ import annotations

import ast
import graphlib
from pathlib import Path

import shop.orders

PACKAGE = Path(shop.orders.__file__).parent

PUBLIC_NAMES = """
    AMOUNT CENT COUPONS FIRST_NUMBER OPEN QUANTITY_BREAKS SOLD TAX_RATES TRANSITIONS ZERO
    Coupon CouponError InvalidTransition Inventory MoneyError Order OrderBook OrderLine OutOfStock
    Price ShopError StorageError
    append_order count_items coupon_discount format_invoice format_money line_price load_orders
    parse_money price_order round_money sales_report split_money
""".split()


def imports_of(path: Path) -> set[str]:
    """The modules of shop that one module imports, at its top or anywhere inside."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = ["shop" if node.level else "", node.module or ""]
            module = ".".join(part for part in parts if part)
            found.add(module)
            found.update(f"{module}.{name.name}" for name in node.names)
    return {name.removeprefix("shop.") for name in found if name.startswith("shop.")}


def test_public_names_stay_importable_from_orders() -> None:
    assert [name for name in PUBLIC_NAMES if not hasattr(shop.orders, name)] == []


def test_no_cyclic_imports() -> None:
    graph = {path.stem: imports_of(path) for path in PACKAGE.glob("*.py")}
    graphlib.TopologicalSorter(graph).prepare()  # Raises CycleError, which names the cycle.


def test_each_module_says_what_it_is_for() -> None:
    modules = {path: ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.glob("*.py")}
    assert [path.name for path, tree in modules.items() if not ast.get_docstring(tree)] == []
