"""Every error that crosses a floor of the package.

::

    LifaceError
    ├── InputError                      what a person asked for cannot be done as asked
    │   ├── CampaignError               a campaign file with wrong keys, types or values
    │   ├── UnknownMaterialError        a name that is neither in the library nor in the campaign
    │   ├── MaterialFileError           a CIF that cannot be read, or holds no usable crystal
    │   ├── MillerIndexError            a plane that is no plane
    │   ├── FilterError                 a query that names unknown columns or does not parse
    │   │   └── UnsupportedFilterError  a query that parses, and asks what is not done: other types, other lists
    │   ├── UnknownEngineError          no engine, model or checkpoint of that name
    │   ├── EngineTaskError             a task that this engine cannot do, and another can
    │   ├── MissingExtraError           an optional package that is not installed
    │   ├── ResponseDataError           a file of measured points that does not hold together
    │   ├── LiteratureFileError         a file of published values with a row that does not hold together
    │   ├── MissingAdhesionError        a work of adhesion that is neither stored nor given
    │   ├── CheckpointError             a file of an interrupted run that cannot be taken up
    │   ├── LockError                   a lock of a campaign that was changed, or does not fit this machine
    │   └── BundleError                 a bundle of a campaign that is damaged or not what it says
    ├── StructureError                  a cell that cannot be built as specified
    │   ├── TerminationError            no termination of that index
    │   ├── SplitPlaneError             an atomic plane torn between the two faces of a slab
    │   ├── NonStoichiometricSlabError  a slab that is no whole number of formula units
    │   ├── InequivalentFacesError      two faces where one surface energy was asked for
    │   ├── BrokenAnionError            a molecular anion cut by a surface
    │   ├── LatticeMismatchError        no coherent cell within the limits
    │   └── OverlapError                atoms closer than any bond
    ├── EngineError                     an engine that does not answer as an engine must
    │   ├── CalculationError            one structure failed
    │   │   └── NoEnergyError           no energy at this point of a surface; the points before stand
    │   ├── EngineContractError         energies, forces or units that break the contract
    │   ├── EngineSetupError            a program, its data or its configuration is missing on this machine
    │   └── MixedEnginesError           quantities of different engines or settings combined
    ├── RunStoppedError                 a run was stopped before its next structure
    │   └── WorkerStartError            the worker processes cannot be started at all
    ├── DispatchError                   work that cannot be handed to others, or taken back
    │   ├── SiteError                   a site or queue configuration that cannot be used
    │   ├── QueueUnreachableError       a server that does not answer, or refuses the credentials
    │   ├── SubmissionError             a queue that takes no work; nothing was submitted
    │   │   └── HalfSubmittedError      a queue that went away while it took work; some of it may be there
    │   ├── WorkerVersionError          a worker that runs another version than the submitter
    │   ├── UntrustedClassError         something stored that names a class which liface does not load
    │   ├── NotComputedError            a calculation that is still to be done elsewhere
    │   └── CalculationFolderError      the folder of finished calculations cannot be used
    ├── AnalysisError                   numbers that do not allow the asked conclusion
    │   └── TooFewPointsError
    └── DatabaseError
        ├── DatabaseOpenError           missing, unreadable, read-only or not ours
        ├── CorruptDatabaseError        the file or a stored document is damaged
        ├── SchemaVersionError          written by a newer version
        ├── DatabaseWriteError          disk full or a write refused; nothing was changed
        ├── CopyConflictError           different content under one identity; that batch was not stored
        └── CopyCheckError              a copy that does not hold everything its source holds

A message says what happened, with the values, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class LifaceError(Exception):
    """Root of the tree; the command line shows its message without a traceback."""

    exit_code = 1


class InputError(LifaceError):
    """What a person asked for cannot be done as asked."""

    exit_code = 2


class CampaignError(InputError):
    """A campaign file with wrong keys, types or values."""


class UnknownMaterialError(InputError):
    """A name that is neither in the library nor in the campaign."""

    def __init__(self, name: str, known: Iterable[str]):
        known = sorted(known)
        near = get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}."
        super().__init__(f"unknown material {name!r}; {hint} A CIF joins under 'materials:' in the campaign")
        self.name = name

    def __reduce__(self) -> tuple:
        return _rebuild, (type(self), self.args, self.__dict__)


class MaterialFileError(InputError):
    """A CIF that cannot be read, or holds no usable crystal."""


class MillerIndexError(InputError):
    """A plane that is no plane."""


class FilterError(InputError):
    """A query that names unknown columns or does not parse."""


class UnsupportedFilterError(FilterError):
    """A query that parses, and asks what is not done: values of another type, items of lists that are not kept."""


class UnknownEngineError(InputError):
    """No engine, model or checkpoint of that name."""


class EngineTaskError(InputError):
    """A task that this engine cannot do, and another can."""


class MissingExtraError(InputError):
    """An optional package that is not installed."""

    def __init__(self, package: str, extra: str, advice: str = ""):
        run = f"run: pip install 'liface[{extra}]'"
        super().__init__(f"{package} is not installed; {advice or run}")
        self.package, self.extra = package, extra

    def __reduce__(self) -> tuple:
        return _rebuild, (type(self), self.args, self.__dict__)


class ResponseDataError(InputError):
    """A file of measured points that does not hold together."""


class LiteratureFileError(InputError):
    """A file of published values with a row that does not hold together."""


class MissingAdhesionError(InputError):
    """A work of adhesion that is neither stored nor given."""

    def __init__(self, a: str, b: str):
        entry = ", ".join((*_entry("a", a), *_entry("b", b)))
        advice = (
            f"compute it with a campaign that holds 'adhesions: [{{{entry}}}]' (liface campaign run FILE; see it with "
            f"liface query adhesions), or give it in meV/Å² with --adhesion {a},{b}=VALUE"
        )
        if "Li" in (a, b):
            other = b if a == "Li" else a
            advice += (
                f"; with a converged film thickness it follows from the surfaces of {other} and Li and the interface "
                "of both (liface query wetting)"
            )
        super().__init__(f"the work of adhesion of {a} and {b} is not known; {advice}")
        self.pair = (a, b)

    def __reduce__(self) -> tuple:
        return _rebuild, (type(self), self.args, self.__dict__)


class CheckpointError(InputError):
    """A file of an interrupted run that cannot be written, read or taken up."""


class LockError(InputError):
    """A lock of a campaign that cannot be read, was changed by hand, or does not fit this machine."""


class BundleError(InputError):
    """A bundle of a campaign that is damaged, unsafe to open, or not what it says it is."""


class StructureError(LifaceError):
    """A cell that cannot be built as specified."""

    exit_code = 2


class TerminationError(StructureError):
    """No termination of that index."""


class SplitPlaneError(StructureError):
    """An atomic plane torn between the two faces of a slab."""


class NonStoichiometricSlabError(StructureError):
    """A slab that is no whole number of formula units."""


class InequivalentFacesError(StructureError):
    """Two different faces where one surface energy was asked for."""


class BrokenAnionError(StructureError):
    """A molecular anion cut by a surface."""


class LatticeMismatchError(StructureError):
    """No coherent cell within the limits of strain and area."""


class OverlapError(StructureError):
    """Atoms closer than any bond."""


class EngineError(LifaceError):
    """An engine that does not answer as an engine must."""


class CalculationError(EngineError):
    """One structure failed; the rest of its batch goes on."""


class NoEnergyError(CalculationError):
    """No energy at this point of the surface, e.g. an SCF that does not converge; the points before stand."""


class EngineContractError(EngineError):
    """Energies, forces or units that break the engine contract."""


class EngineSetupError(EngineError):
    """A program, its data or its configuration is missing on this machine; no structure is to blame."""


class MixedEnginesError(EngineError):
    """Quantities of different engines or settings combined in one formula."""


class RunStoppedError(LifaceError):
    """The run was stopped before this structure was computed; what is finished is in the database."""


class WorkerStartError(RunStoppedError):
    """The worker processes cannot be started at all; no structure is to blame."""


class DispatchError(LifaceError):
    """Work that cannot be handed to others, or taken back from them."""

    exit_code = 5


class SiteError(DispatchError):
    """A site or queue configuration that cannot be used as it is."""


class QueueUnreachableError(DispatchError):
    """A server that does not answer, or refuses the credentials; nothing was changed."""


class SubmissionError(DispatchError):
    """A queue that takes no work; nothing was submitted."""


class HalfSubmittedError(SubmissionError):
    """A queue that went away while it took work; some of it may be there."""


class WorkerVersionError(DispatchError):
    """A worker that runs another version of liface than the submitter."""


class UntrustedClassError(DispatchError):
    """Something stored in a queue that names a class which liface does not load."""


class NotComputedError(DispatchError):
    """Calculations that are still to be done elsewhere."""

    def __init__(self, what: str, missing: Iterable[str]):
        self.missing = tuple(missing)
        super().__init__(f"{what}: {len(self.missing)} calculation(s) are not computed yet")


class CalculationFolderError(DispatchError):
    """The folder of finished calculations cannot be used."""


class AnalysisError(LifaceError):
    """Numbers that do not allow the asked conclusion."""


class TooFewPointsError(AnalysisError):
    """Fewer points than the formula needs."""


class DatabaseError(LifaceError):
    """The results database."""

    exit_code = 3


class DatabaseOpenError(DatabaseError):
    """Missing, unreadable, read-only or not a results database."""


class CorruptDatabaseError(DatabaseError):
    """The file or a stored document is damaged."""


class SchemaVersionError(DatabaseError):
    """Written by a newer version of liface."""


class DatabaseWriteError(DatabaseError):
    """Disk full or a write refused; nothing was changed."""


class CopyConflictError(DatabaseError):
    """Different content under one identity in both databases; nothing of that batch was stored."""


class CopyCheckError(DatabaseError):
    """A copy that does not hold everything its source holds."""


def _entry(key: str, material: str) -> tuple[str, ...]:
    """Return what a campaign file says of one side of an adhesion, for ``LiF`` or ``LiF(100)``."""
    name, _, plane = material.partition("(")
    return (f"{key}: {name.strip()}", *((f'plane_{key}: "{plane.rstrip(")").strip()}"',) if plane else ()))


def _rebuild(cls: type[LifaceError], args: tuple, state: dict) -> LifaceError:
    """Unpickle an error whose constructor builds its message, without building it twice."""
    error = cls.__new__(cls)
    Exception.__init__(error, *args)
    error.__dict__.update(state)
    return error
