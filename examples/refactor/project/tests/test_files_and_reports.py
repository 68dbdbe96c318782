"""The order file, the reports made from it, and the command line that prints them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from shop.__main__ import main
from shop.orders import (
    Inventory,
    Order,
    OrderBook,
    OrderLine,
    StorageError,
    append_order,
    load_orders,
    sales_report,
)

LAMP = OrderLine("lamp", "Desk lamp", 1, Decimal("40.00"))
BOOK = OrderLine("book", "Book", 2, Decimal("12.00"), "reduced")

INVOICE = """\
Invoice 1001  2026-03-14  Zoë

   1 x Desk lamp                       40.00 EUR
   2 x Book                            24.00 EUR
------------------------------------------------
Subtotal                               64.00 EUR
Coupon FIVE                            -5.00 EUR
Tax                                     9.73 EUR
Total                                  68.73 EUR
"""

SALES = """\
Month    Orders              Tax          Revenue
2026-03       2        16.80 EUR        96.80 EUR
2026-04       1         8.40 EUR        48.40 EUR"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orders.jsonl"


def test_an_order_survives_the_file(path: Path) -> None:
    order = Order(1001, "Zoë", date(2026, 3, 14), [LAMP, BOOK], "FIVE")
    append_order(path, order)
    assert load_orders(path) == {1001: order}


def test_a_later_line_replaces_an_earlier_one(path: Path) -> None:
    book = OrderBook(path, Inventory({"lamp": 1}))
    book.pay(book.place("Zoë", date(2026, 3, 14), [LAMP]).number)
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2
    assert load_orders(path)[1001].status == "paid"


def test_open_orders_keep_their_stock_after_a_restart(path: Path) -> None:
    OrderBook(path, Inventory({"lamp": 1})).place("Zoë", date(2026, 3, 14), [LAMP])
    inventory = Inventory({"lamp": 1})
    OrderBook(path, inventory)
    assert inventory.available("lamp") == 0


def test_a_broken_line_is_named(path: Path) -> None:
    append_order(path, Order(1001, "Zoë", date(2026, 3, 14), [LAMP]))
    with path.open("a", encoding="utf-8") as file:
        file.write('{"number": 1002}\n')
    with pytest.raises(StorageError, match="orders.jsonl, line 2"):
        load_orders(path)


def test_the_sales_report_counts_what_was_sold(path: Path) -> None:
    days = [date(2026, 4, 1), date(2026, 3, 1), date(2026, 3, 31), date(2026, 3, 31)]
    orders = [Order(number, "Zoë", day, [LAMP]) for number, day in enumerate(days, start=1001)]
    for order in orders[:3]:
        order.move_to("paid")
    assert sales_report(orders) == SALES


def test_the_command_line_prints_an_invoice(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    append_order(path, Order(1001, "Zoë", date(2026, 3, 14), [LAMP, BOOK], "FIVE"))
    assert main(["invoice", str(path), "1001"]) == 0
    assert capsys.readouterr().out == INVOICE


def test_the_command_line_names_a_missing_order(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["invoice", str(path), "7"]) == 1
    assert capsys.readouterr().err == "shop: no order 7\n"
