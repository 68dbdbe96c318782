"""The command line of the shop: `sales FILE` and `invoice FILE NUMBER`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from shop.orders import ShopError, format_invoice, load_orders, sales_report


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="shop", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    sales = commands.add_parser("sales", help="revenue and tax by month")
    sales.add_argument("file", type=Path)
    invoice = commands.add_parser("invoice", help="one invoice")
    invoice.add_argument("file", type=Path)
    invoice.add_argument("number", type=int)
    options = parser.parse_args(arguments)
    try:
        orders = load_orders(options.file)
        if options.command == "sales":
            print(sales_report(orders.values()))
        elif options.number in orders:
            print(format_invoice(orders[options.number]))
        else:
            raise ShopError(f"no order {options.number}")
    except (ShopError, OSError) as error:
        print(f"shop: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
