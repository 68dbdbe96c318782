"""Money, tax, quantity breaks and coupons."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from shop.orders import (
    CouponError,
    MoneyError,
    Order,
    OrderLine,
    format_money,
    line_price,
    parse_money,
    price_order,
    round_money,
    split_money,
)

DAY = date(2026, 3, 14)


def order_of(*lines: OrderLine, coupon: str | None = None, day: date = DAY) -> Order:
    return Order(1001, "Ada", day, list(lines), coupon)


@pytest.mark.parametrize(
    ("text", "amount"),
    [("12.5", "12.50"), ("EUR 1,234.50", "1234.50"), ("-0.07 EUR", "-0.07")],
)
def test_parse_money(text: str, amount: str) -> None:
    assert str(parse_money(text)) == amount


@pytest.mark.parametrize("text", ["", "12,50", "3.00 USD"])
def test_parse_money_refuses(text: str) -> None:
    with pytest.raises(MoneyError):
        parse_money(text)


def test_half_a_cent_rounds_up() -> None:
    assert round_money(Decimal("0.125")) == Decimal("0.13")


def test_format_money_groups_thousands() -> None:
    assert format_money(Decimal("1234567.8")) == "1,234,567.80 EUR"


def test_split_money_gives_the_odd_cent_to_the_first() -> None:
    halves = split_money(Decimal("0.05"), [Decimal(1), Decimal(1)])
    assert halves == [Decimal("0.03"), Decimal("0.02")]


def test_split_money_loses_no_cent() -> None:
    shares = split_money(Decimal("10.00"), [Decimal(1), Decimal(1), Decimal(1), Decimal(0)])
    assert sum(shares) == Decimal("10.00")


@pytest.mark.parametrize(("quantity", "price"), [(9, "18.00"), (10, "19.00"), (50, "90.00")])
def test_many_of_an_article_are_cheaper(quantity: int, price: str) -> None:
    assert line_price(OrderLine("pen", "Pen", quantity, Decimal("2.00"))) == Decimal(price)


def test_each_tax_class_has_its_rate() -> None:
    price = price_order(
        order_of(
            OrderLine("lamp", "Lamp", 1, Decimal("100.00")),
            OrderLine("book", "Book", 1, Decimal("100.00"), "reduced"),
            OrderLine("stamp", "Stamp", 1, Decimal("100.00"), "exempt"),
        )
    )
    assert price.tax == Decimal("30.00")
    assert price.total == Decimal("330.00")


def test_tax_of_half_a_cent_is_rounded_up() -> None:
    price = price_order(order_of(OrderLine("sticker", "Sticker", 1, Decimal("2.50"))))
    assert price.tax == Decimal("0.53")


def test_a_coupon_lowers_the_taxed_amount() -> None:
    lamp = OrderLine("lamp", "Lamp", 1, Decimal("100.00"))
    price = price_order(order_of(lamp, coupon="WELCOME10"))
    assert (price.discount, price.tax) == (Decimal("10.00"), Decimal("18.90"))
    assert price.total == Decimal("108.90")


@pytest.mark.parametrize(
    ("code", "unit_price", "day", "message"),
    [
        ("NOSUCH", "100.00", DAY, "unknown coupon"),
        ("FIVE", "29.99", DAY, "needs 30.00 EUR"),
        ("FIVE", "100.00", date(2026, 7, 1), "ended on 2026-06-30"),
    ],
)
def test_a_coupon_is_refused(code: str, unit_price: str, day: date, message: str) -> None:
    lamp = OrderLine("lamp", "Lamp", 1, Decimal(unit_price))
    with pytest.raises(CouponError, match=message):
        price_order(order_of(lamp, coupon=code, day=day))
