"""Makers of the flows: bulk, surface, interface, binding, adhesion."""

from liface.workflows.flows.adhesion import AdhesionMaker
from liface.workflows.flows.base import LiMaker
from liface.workflows.flows.binding import BindingMaker
from liface.workflows.flows.bulk import BulkMaker
from liface.workflows.flows.interface import InterfaceMaker
from liface.workflows.flows.surface import SurfaceMaker

__all__ = ["AdhesionMaker", "BindingMaker", "BulkMaker", "InterfaceMaker", "LiMaker", "SurfaceMaker"]
