"""Makers of the flows: bulk, surface, interface, binding, phonon, vibration."""

from liface.workflows.flows.base import LiMaker
from liface.workflows.flows.binding import BindingMaker
from liface.workflows.flows.bulk import BulkMaker
from liface.workflows.flows.interface import InterfaceMaker
from liface.workflows.flows.phonon import PhononMaker
from liface.workflows.flows.surface import SurfaceMaker
from liface.workflows.flows.vibration import VibrationMaker

__all__ = ["BindingMaker", "BulkMaker", "InterfaceMaker", "LiMaker", "PhononMaker", "SurfaceMaker", "VibrationMaker"]
