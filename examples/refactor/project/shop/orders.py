"""Everything about orders: money, prices, stock, states, the order file and the reports."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, getcontext
from pathlib import Path

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
getcontext().rounding = ROUND_HALF_UP

TAX_RATES = {"standard": Decimal("0.21"), "reduced": Decimal("0.09"), "exempt": Decimal("0")}
QUANTITY_BREAKS = ((50, Decimal("0.10")), (10, Decimal("0.05")))
FIRST_NUMBER = 1001

TRANSITIONS = {
    "new": ("paid", "cancelled"),
    "paid": ("shipped", "cancelled"),
    "shipped": ("delivered", "returned"),
    "delivered": ("returned",),
    "returned": (),
    "cancelled": (),
}
OPEN = ("new", "paid")
SOLD = ("paid", "shipped", "delivered")


class ShopError(Exception):
    """Anything that the shop refuses to do."""


class MoneyError(ShopError):
    """A text that is not an amount of money."""


class CouponError(ShopError):
    """A coupon that does not exist or does not apply to this order."""


class OutOfStock(ShopError):
    """Fewer items are available than wanted."""

    def __init__(self, sku: str, wanted: int, available: int) -> None:
        super().__init__(f"{sku}: wanted {wanted}, available {available}")
        self.sku = sku
        self.wanted = wanted
        self.available = available


class InvalidTransition(ShopError):
    """An order cannot go from its state to the wanted one."""


class StorageError(ShopError):
    """A line of the order file that cannot be read."""


AMOUNT = re.compile(r"-?([0-9]{1,3}(,[0-9]{3})+|[0-9]+)(\.[0-9]{1,2})?")


def parse_money(text: str) -> Decimal:
    """Read "12.5", "1,234.50", "EUR 3.00" or "3.00 EUR"."""
    digits = text.strip().removeprefix("EUR").removesuffix("EUR").strip()
    if not AMOUNT.fullmatch(digits):
        raise MoneyError(f"not an amount of money: {text!r}")
    return round_money(Decimal(digits.replace(",", "")))


def round_money(amount: Decimal) -> Decimal:
    """Round to whole cents."""
    return amount.quantize(CENT)


def format_money(amount: Decimal) -> str:
    return f"{round_money(amount):,} EUR"


def split_money(amount: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """Split an amount in proportion to the weights, without losing a cent."""
    shares = []
    weight_left = sum(weights, ZERO)
    for weight in weights:
        share = round_money(amount * weight / weight_left) if weight_left else ZERO
        shares.append(share)
        amount -= share
        weight_left -= weight
    return shares


@dataclass(frozen=True)
class OrderLine:
    """One article of an order; the unit price is without tax."""

    sku: str
    title: str
    quantity: int
    unit_price: Decimal
    tax_class: str = "standard"


@dataclass
class Order:
    """What a customer ordered on a day, and how far it got."""

    number: int
    customer: str
    day: date
    lines: list[OrderLine]
    coupon: str | None = None
    status: str = "new"
    history: list[str] = field(default_factory=lambda: ["new"])

    def move_to(self, status: str) -> None:
        if status not in TRANSITIONS[self.status]:
            raise InvalidTransition(f"order {self.number} is {self.status}, not {status}")
        self.status = status
        self.history.append(status)


@dataclass(frozen=True)
class Coupon:
    """A part or a fixed amount off, from a minimal subtotal, until a last day."""

    code: str
    percent: Decimal = ZERO
    amount: Decimal = ZERO
    minimum: Decimal = ZERO
    last_day: date | None = None


COUPONS = {
    "WELCOME10": Coupon("WELCOME10", percent=Decimal("0.10"), minimum=Decimal("20")),
    "FIVE": Coupon("FIVE", amount=Decimal("5"), minimum=Decimal("30"), last_day=date(2026, 6, 30)),
}


@dataclass(frozen=True)
class Price:
    """The price of an order: subtotal - discount + tax = total."""

    subtotal: Decimal
    discount: Decimal
    tax: Decimal
    total: Decimal


def line_price(line: OrderLine) -> Decimal:
    """The price of one line without tax; many of the same article are cheaper."""
    price = line.unit_price * line.quantity
    for quantity, percent in QUANTITY_BREAKS:
        if line.quantity >= quantity:
            return round_money(price * (1 - percent))
    return round_money(price)


def coupon_discount(code: str, subtotal: Decimal, day: date) -> Decimal:
    coupon = COUPONS.get(code)
    if coupon is None:
        raise CouponError(f"unknown coupon {code}")
    if coupon.last_day is not None and day > coupon.last_day:
        raise CouponError(f"coupon {code} ended on {coupon.last_day}")
    if subtotal < coupon.minimum:
        raise CouponError(f"coupon {code} needs {format_money(coupon.minimum)}")
    return round_money(min(subtotal, subtotal * coupon.percent + coupon.amount))


def price_order(order: Order) -> Price:
    """Price an order; a coupon lowers the taxed amount of every line in proportion."""
    prices = [line_price(line) for line in order.lines]
    subtotal = sum(prices, ZERO)
    discount = coupon_discount(order.coupon, subtotal, order.day) if order.coupon else ZERO
    tax = ZERO
    for line, price, share in zip(order.lines, prices, split_money(discount, prices)):
        tax += round_money((price - share) * TAX_RATES[line.tax_class])
    return Price(subtotal, discount, tax, subtotal - discount + tax)


class Inventory:
    """What is on the shelf, and how much of it is promised to orders."""

    def __init__(self, stock: dict[str, int]) -> None:
        self.stock = Counter(stock)
        self.reserved: Counter[str] = Counter()

    def available(self, sku: str) -> int:
        return self.stock[sku] - self.reserved[sku]

    def reserve(self, lines: Iterable[OrderLine]) -> None:
        """Promise all lines or none."""
        wanted = count_items(lines)
        for sku, quantity in wanted.items():
            if quantity > self.available(sku):
                raise OutOfStock(sku, quantity, self.available(sku))
        self.reserved.update(wanted)

    def release(self, lines: Iterable[OrderLine]) -> None:
        self.reserved.subtract(count_items(lines))

    def ship(self, lines: Iterable[OrderLine]) -> None:
        items = count_items(lines)
        self.reserved.subtract(items)
        self.stock.subtract(items)

    def restock(self, lines: Iterable[OrderLine]) -> None:
        self.stock.update(count_items(lines))


def count_items(lines: Iterable[OrderLine]) -> Counter[str]:
    items: Counter[str] = Counter()
    for line in lines:
        items[line.sku] += line.quantity
    return items


def append_order(path: Path, order: Order) -> None:
    """Append the order as one line of JSON; a later line of the same number replaces it."""
    record = {
        "number": order.number,
        "customer": order.customer,
        "day": order.day.isoformat(),
        "coupon": order.coupon,
        "status": order.status,
        "history": order.history,
        "lines": [{**vars(line), "unit_price": str(line.unit_price)} for line in order.lines],
    }
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def load_orders(path: Path) -> dict[int, Order]:
    """Read the order file; a file that does not exist yet has no orders."""
    orders: dict[int, Order] = {}
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for line_number, text in enumerate(lines, start=1):
        try:
            record = json.loads(text)
            record["day"] = date.fromisoformat(record["day"])
            record["lines"] = [
                OrderLine(**{**line, "unit_price": Decimal(line["unit_price"])})
                for line in record["lines"]
            ]
            order = Order(**record)
        except (ValueError, KeyError, TypeError, ArithmeticError) as error:
            raise StorageError(f"{path.name}, line {line_number}: {error}") from error
        orders[order.number] = order
    return orders


def format_invoice(order: Order) -> str:
    rows = [f"Invoice {order.number}  {order.day}  {order.customer}", ""]
    for line in order.lines:
        rows.append(f"{line.quantity:>4} x {line.title:<24} {format_money(line_price(line)):>16}")
    price = price_order(order)
    rows.append("-" * 48)
    rows.append(f"{'Subtotal':<31} {format_money(price.subtotal):>16}")
    if price.discount:
        rows.append(f"{'Coupon ' + str(order.coupon):<31} {format_money(-price.discount):>16}")
    rows.append(f"{'Tax':<31} {format_money(price.tax):>16}")
    rows.append(f"{'Total':<31} {format_money(price.total):>16}")
    return "\n".join(rows)


def sales_report(orders: Iterable[Order]) -> str:
    """Revenue and tax of the orders that were sold, by month."""
    months: dict[str, list[Price]] = {}
    for order in orders:
        if order.status in SOLD:
            months.setdefault(f"{order.day:%Y-%m}", []).append(price_order(order))
    rows = [f"{'Month':<8} {'Orders':>6} {'Tax':>16} {'Revenue':>16}"]
    for month, prices in sorted(months.items()):
        tax = format_money(sum((price.tax for price in prices), ZERO))
        revenue = format_money(sum((price.total for price in prices), ZERO))
        rows.append(f"{month:<8} {len(prices):>6} {tax:>16} {revenue:>16}")
    return "\n".join(rows)


class OrderBook:
    """Places orders and moves them along, with the stock and the order file in step."""

    def __init__(self, path: Path, inventory: Inventory) -> None:
        self.path = path
        self.inventory = inventory
        self.orders = load_orders(path)
        for order in self.orders.values():
            if order.status in OPEN:
                inventory.reserve(order.lines)

    def place(
        self, customer: str, day: date, lines: Sequence[OrderLine], coupon: str | None = None
    ) -> Order:
        number = max(self.orders, default=FIRST_NUMBER - 1) + 1
        order = Order(number, customer, day, list(lines), coupon)
        price_order(order)  # Refuses a coupon before anything is promised.
        self.inventory.reserve(order.lines)
        self._save(order)
        return order

    def pay(self, number: int) -> Order:
        return self._move(number, "paid")

    def ship(self, number: int) -> Order:
        order = self._move(number, "shipped")
        self.inventory.ship(order.lines)
        return order

    def deliver(self, number: int) -> Order:
        return self._move(number, "delivered")

    def cancel(self, number: int) -> Order:
        order = self._move(number, "cancelled")
        self.inventory.release(order.lines)
        return order

    def take_back(self, number: int) -> Order:
        order = self._move(number, "returned")
        self.inventory.restock(order.lines)
        return order

    def _move(self, number: int, status: str) -> Order:
        if number not in self.orders:
            raise ShopError(f"no order {number}")
        order = self.orders[number]
        order.move_to(status)
        self._save(order)
        return order

    def _save(self, order: Order) -> None:
        append_order(self.path, order)
        self.orders[order.number] = order
