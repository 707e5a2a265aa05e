"""Makers of the flows, one per kind of case."""

from liface.workflows.flows.adhesion import AdhesionMaker
from liface.workflows.flows.barrier import BarrierMaker
from liface.workflows.flows.base import LiMaker
from liface.workflows.flows.binding import BindingMaker
from liface.workflows.flows.bulk import BulkMaker
from liface.workflows.flows.convergence import ConvergenceMaker
from liface.workflows.flows.interface import InterfaceMaker
from liface.workflows.flows.phonon import PhononMaker
from liface.workflows.flows.surface import SurfaceMaker
from liface.workflows.flows.vibration import VibrationMaker

__all__ = [
    "AdhesionMaker",
    "BarrierMaker",
    "BindingMaker",
    "BulkMaker",
    "ConvergenceMaker",
    "InterfaceMaker",
    "LiMaker",
    "PhononMaker",
    "SurfaceMaker",
    "VibrationMaker",
]
