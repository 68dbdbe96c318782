"""Stock, and the life of an order from placed to delivered or returned."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from shop.orders import (
    CouponError,
    InvalidTransition,
    Inventory,
    OrderBook,
    OrderLine,
    OutOfStock,
    ShopError,
)

DAY = date(2026, 3, 14)
LAMP = OrderLine("lamp", "Lamp", 2, Decimal("40.00"))
BOOK = OrderLine("book", "Book", 1, Decimal("12.00"), "reduced")


@pytest.fixture
def inventory() -> Inventory:
    return Inventory({"lamp": 3, "book": 1})


@pytest.fixture
def book(tmp_path: Path, inventory: Inventory) -> OrderBook:
    return OrderBook(tmp_path / "orders.jsonl", inventory)


def test_reserve_takes_all_lines_or_none(inventory: Inventory) -> None:
    with pytest.raises(OutOfStock) as refusal:
        inventory.reserve([BOOK, LAMP, LAMP])
    assert (refusal.value.sku, refusal.value.wanted, refusal.value.available) == ("lamp", 4, 3)
    assert inventory.available("book") == 1


def test_an_order_from_placed_to_returned(book: OrderBook, inventory: Inventory) -> None:
    number = book.place("Ada", DAY, [LAMP, BOOK]).number
    assert inventory.available("lamp") == 1
    book.pay(number)
    book.ship(number)
    assert (inventory.stock["lamp"], inventory.reserved["lamp"]) == (1, 0)
    book.deliver(number)
    order = book.take_back(number)
    assert inventory.available("lamp") == 3
    assert order.history == ["new", "paid", "shipped", "delivered", "returned"]


def test_cancelling_gives_the_stock_back(book: OrderBook, inventory: Inventory) -> None:
    number = book.place("Ada", DAY, [LAMP]).number
    book.cancel(number)
    assert inventory.available("lamp") == 3


def test_an_unpaid_order_is_not_shipped(book: OrderBook, inventory: Inventory) -> None:
    number = book.place("Ada", DAY, [LAMP]).number
    with pytest.raises(InvalidTransition, match="order 1001 is new, not shipped"):
        book.ship(number)
    assert inventory.stock["lamp"] == 3


def test_an_unknown_order_is_refused(book: OrderBook) -> None:
    with pytest.raises(ShopError, match="no order 7"):
        book.pay(7)


def test_a_refused_coupon_promises_no_stock(book: OrderBook, inventory: Inventory) -> None:
    with pytest.raises(CouponError):
        book.place("Ada", DAY, [LAMP], coupon="NOSUCH")
    assert inventory.available("lamp") == 3
    assert book.orders == {}
