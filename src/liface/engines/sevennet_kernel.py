"""SevenNet's convolutions as compiled loops on a CPU, used only where they give the numbers of the package.

Nearly all of a force call of SevenNet goes into its convolutions: the generic tensor product of e3nn writes the message
of every edge into memory, several times over, and a network computes some thousand radial weights for each edge anew.
:mod:`liface.engines.convolution` does the same sums in one pass, with tabulated weights and a backward pass of
its own; whatever else the model holds is left as it is. The accelerators that SevenNet itself offers (cuEquivariance,
FlashTP, OpenEquivariance) need a GPU.

When a model is loaded, both ways compute a small structure of up to five elements without any symmetry. Unless
energies, forces and stress agree, the package's own convolutions stay, and :func:`use_fused_convolutions` says why.

Tensor products: Geiger and Smidt, e3nn, DOI 10.48550/arXiv.2207.09453; SevenNet: Park et al., J. Chem. Theory Comput.
20, 4857 (2024), DOI 10.1021/acs.jctc.4c00190.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import sevenn._keys as key
import torch
from ase import Atoms
from e3nn.o3 import Irreps, wigner_3j
from sevenn.nn.convolution import IrrepsConvolution
from sevenn.nn.edge_embedding import EdgeEmbedding
from torch.autograd.function import once_differentiable

from liface.engines.convolution import LARGEST_L, add_messages, pull_messages_back

FUSED = "fused"
"""Recorded as the kernel of a calculation whose convolutions were these."""

TABLE_STEP_A = 0.0025
"""Distance between the knots of the radial weights; what it leaves out is below single precision."""

SHORTEST_A = 1e-4
"""The first knot: at zero, the Bessel functions divide by zero."""

ENERGY_TOLERANCE_EV_PER_ATOM = 1e-6
FORCE_TOLERANCE_EV_PER_A = 1e-5
STRESS_TOLERANCE_EV_PER_A3 = 1e-6

ROWS = {1: (1,), 3: (3,), 5: (5,), 7: (3, 3, 1)}
"""How many components of a message are summed at once, by 2l+1: as many as a processor has registers for."""


class UnsuitableModelError(Exception):
    """A model whose convolutions are not of the form that is compiled."""


class FusedConvolution(torch.nn.Module):
    """The convolution of a loaded model, for inference: weights are constants.

    Raises
    ------
    UnsuitableModelError
        If the tensor product has other paths than products with one spherical harmonic per edge, angular momenta
        over 3, or other inputs than those of the edge embedding.
    """

    def __init__(self, stock: IrrepsConvolution, embedding: EdgeEmbedding, cutoff_a: float):
        super().__init__()
        product: Any = stock.convolution
        _require_suitable(stock, product)
        self.key_x, self.key_filter = stock.key_x, stock.key_filter
        self.denominator = stock.denominator.detach()
        self.inward, self.inward_back = _channels_together(product.irreps_in1)
        self.outward_back, self.outward = _channels_together(product.irreps_out)
        self.paths, self.coupling = _paths(product)
        self.step = cutoff_a / math.ceil(round(cutoff_a / TABLE_STEP_A, 6))
        self.table = _radial_table(stock.weight_nn, embedding, self.step, cutoff_a)

    def forward(self, data: dict[str, Any]) -> dict[str, Any]:
        """Replace the node features by the sums of the messages that reach them."""
        ends = data[key.EDGE_IDX].numpy().astype(np.uint64)
        coupling = data[self.key_filter] @ self.coupling
        sums = _Messages.apply(data[self.key_x], coupling, data[key.EDGE_LENGTH], ends, self)
        data[self.key_x] = sums.div(self.denominator)
        return data


class _Messages(torch.autograd.Function):
    """Sums of messages, differentiable once with respect to features, couplings and distances."""

    @staticmethod
    def forward(
        ctx: Any,
        features: torch.Tensor,
        coupling: torch.Tensor,
        distance: torch.Tensor,
        ends: np.ndarray,
        convolution: FusedConvolution,
    ) -> torch.Tensor:
        x = features.index_select(1, convolution.inward)
        ctx.save_for_backward(x, coupling, distance)
        ctx.ends, ctx.convolution = ends, convolution
        sums = torch.zeros((len(x), len(convolution.outward)))
        target, source = ends
        add_messages(
            sums.numpy(), x.numpy(), coupling.numpy(), distance.numpy(), source, target,
            convolution.table, convolution.step, convolution.paths,
        )  # fmt: skip
        return sums.index_select(1, convolution.outward)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple:
        x, coupling, distance = ctx.saved_tensors
        convolution, (target, source) = ctx.convolution, ctx.ends
        sums_grad = grad.index_select(1, convolution.outward_back)
        x_grad, coupling_grad, distance_grad = (
            torch.zeros_like(x), torch.zeros_like(coupling), torch.zeros_like(distance)
        )  # fmt: skip
        pull_messages_back(
            sums_grad.numpy(), x.numpy(), coupling.numpy(), distance.numpy(), source, target,
            convolution.table, convolution.step, convolution.paths,
            x_grad.numpy(), coupling_grad.numpy(), distance_grad.numpy(),
        )  # fmt: skip
        return x_grad.index_select(1, convolution.inward_back), coupling_grad, distance_grad, None, None


def use_fused_convolutions(calculator: Any) -> str:
    """Give a SevenNet calculator the compiled convolutions if they compute what its own do.

    Returns
    -------
    str
        ``fused``, or ``stock`` and the reason; in the second case the calculator is as it was.
    """
    if calculator.device.type != "cpu":
        return f"stock (device {calculator.device.type})"
    modules = calculator.model._modules
    stock = {name: module for name, module in modules.items() if isinstance(module, IrrepsConvolution)}
    try:
        expected = _sample_results(calculator)
        embedding = next(module for module in modules.values() if isinstance(module, EdgeEmbedding))
        modules.update({name: FusedConvolution(old, embedding, calculator.cutoff) for name, old in stock.items()})
        doubt = _difference(expected, _sample_results(calculator)) if stock else "it has no convolution that is known"
    except Exception as error:  # a compiler or an unusual model may raise anything; its own kernel is always there
        doubt = str(error) if isinstance(error, UnsuitableModelError) else f"{type(error).__name__}: {error}"
    calculator.reset()
    if not doubt:
        return FUSED
    modules.update(stock)
    return f"stock ({doubt})"


def sample_structure(numbers: list[int]) -> Atoms:
    """Return eight displaced atoms of up to five of the given elements in a triclinic cell: no symmetry is left."""
    usual = [z for z in (3, 8, 16, 29, 74) if z in numbers]
    chosen = (usual + [z for z in sorted(numbers) if z not in usual])[:5]
    corners = np.array([[i, j, k] for i in range(2) for j in range(2) for k in range(2)]) / 2
    cell = np.array([[5.1, 0.0, 0.0], [0.4, 5.3, 0.0], [-0.3, 0.5, 5.6]])
    shifts = 0.1 * np.sin(np.arange(24).reshape(8, 3) ** 2 + 1.0)
    kinds = [chosen[i % len(chosen)] for i in range(8)]
    return Atoms(numbers=kinds, positions=corners @ cell + shifts, cell=cell, pbc=True)


def _sample_results(calculator: Any) -> dict[str, Any]:
    atoms = sample_structure([int(z) for z in calculator.type_map])
    calculator.calculate(atoms)
    found: dict[str, Any] = {name: np.array(calculator.results[name]) for name in ("energy", "forces", "stress")}
    found["energy"] = found["energy"] / len(atoms)
    return found


def _difference(expected: dict[str, Any], found: dict[str, Any]) -> str:
    """Say what differs by more than its tolerance; nothing if all agree."""
    limits = {
        "energy": (ENERGY_TOLERANCE_EV_PER_ATOM, "eV per atom"),
        "forces": (FORCE_TOLERANCE_EV_PER_A, "eV/Å"),
        "stress": (STRESS_TOLERANCE_EV_PER_A3, "eV/Å³"),
    }
    for name, (limit, unit) in limits.items():
        off = float(np.abs(expected[name] - found[name]).max())
        if not off <= limit:  # a NaN is no agreement
            return f"{name} differ by {off:.2g} {unit}, more than {limit:g}"
    return ""


def _require_suitable(stock: IrrepsConvolution, product: Any) -> None:
    inputs = (stock.key_weight_input, stock.key_filter, stock.key_edge_idx)
    if stock.is_parallel or inputs != (key.EDGE_EMBEDDING, key.EDGE_ATTR, key.EDGE_IDX):
        raise UnsuitableModelError("its convolutions have other inputs than the edge embedding")
    if any(mul != 1 for mul, _ in product.irreps_in2):
        raise UnsuitableModelError("its edges have more than one spherical harmonic of an angular momentum")
    if any(ins.connection_mode != "uvu" or not ins.has_weight for ins in product.instructions):
        raise UnsuitableModelError("its tensor products have paths other than weighted uvu")
    largest = max(ir.l for irreps in (product.irreps_in1, product.irreps_out) for _, ir in irreps)
    if largest > LARGEST_L:
        raise UnsuitableModelError(f"angular momentum {largest} is over {LARGEST_L}")
    if stock.denominator.dtype != torch.float32:
        raise UnsuitableModelError("it is not of single precision")


def _starts(irreps: Irreps) -> list[int]:
    return [part.start for part in irreps.slices()]


def _channels_together(irreps: Irreps) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the places to take features from so that channels stand together, and those for the way back."""
    places = [
        start + torch.arange(mul * ir.dim).reshape(mul, ir.dim).T.reshape(-1)
        for start, (mul, ir) in zip(_starts(irreps), irreps, strict=True)
    ]
    taken = torch.cat(places)
    return taken, torch.argsort(taken)


def _paths(product: Any) -> tuple[np.ndarray, torch.Tensor]:
    """Return the table of paths, and the matrix from spherical harmonics to couplings, shape (harmonics, entries)."""
    inputs, filters, outputs = product.irreps_in1, product.irreps_in2, product.irreps_out
    rows, blocks = [], []
    weight_at = coupling_at = 0
    for ins in product.instructions:
        (mul, ir_in), (_, ir_edge), (_, ir_out) = inputs[ins.i_in1], filters[ins.i_in2], outputs[ins.i_out]
        coefficients = wigner_3j(ir_in.l, ir_edge.l, ir_out.l, dtype=torch.float64) * ins.path_weight
        block = torch.zeros((filters.dim, ir_out.dim * ir_in.dim), dtype=torch.float64)
        block[filters.slices()[ins.i_in2]] = coefficients.permute(1, 2, 0).reshape(ir_edge.dim, -1)
        blocks.append(block)
        in_at, out_at, first = _starts(inputs)[ins.i_in1], _starts(outputs)[ins.i_out], 0
        for n in ROWS[ir_out.dim]:
            at = (in_at, out_at + first * mul, weight_at, coupling_at + first * ir_in.dim)
            rows.append((mul, ir_in.dim, n, *at))
            first += n
        weight_at += mul
        coupling_at += ir_out.dim * ir_in.dim
    return np.array(rows, dtype=np.uint64), torch.cat(blocks, dim=1).float()


def _radial_table(network: Any, embedding: EdgeEmbedding, step: float, cutoff_a: float) -> np.ndarray:
    """Return the cubics that meet the radial weights and their slopes at the knots; shape (intervals, 4, weights).

    The slopes are exact: a gradient is linear in what it starts from, and its own gradient with respect to that
    holds the slope of each weight.
    """
    network, basis, envelope = (
        copy.deepcopy(part).double() for part in (network, embedding.basis_function, embedding.cutoff_function)
    )
    knots = step * torch.arange(round(cutoff_a / step) + 1, dtype=torch.float64)
    knots = knots.clamp(min=SHORTEST_A).requires_grad_(True)
    values = network(basis(knots) * envelope(knots).unsqueeze(-1))
    start = torch.zeros_like(values, requires_grad=True)
    (gradient,) = torch.autograd.grad(values, knots, start, create_graph=True)
    (slopes,) = torch.autograd.grad(gradient.sum(), start)
    left, rise, at_left, at_right = (
        values[:-1].detach(),
        values.detach().diff(dim=0),
        slopes[:-1] * step,
        slopes[1:] * step,
    )
    cubic = (left, at_left, 3 * rise - 2 * at_left - at_right, at_left + at_right - 2 * rise)
    return torch.stack(cubic, dim=1).float().numpy().copy()
