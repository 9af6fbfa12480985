"""The controllers of add-ons: certificates that they register for, and whether their agents live."""

from ._addons import AddOns

__all__ = ['AddOns']
