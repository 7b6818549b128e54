"""An import rule: code outside a wing imports only what its `__init__` exports."""

from __future__ import annotations

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class WingsContract(Contract):
    """No module imports a plain module of another wing of its package or of another package; packages may be imported.

    A wing is a package right below one of `packages`. `faces` are the modules that are exempt, because they must load quickly.
    """

    packages = fields.ListField(subfield=fields.StringField())
    faces = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001 - as import-linter calls it
        """Look at every import between two wings."""
        past = [
            (importer, imported)
            for importer in sorted(graph.modules)
            if importer not in self.faces
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if self._is_private(imported, graph) and _wing(importer) != _wing(imported)
        ]
        return ContractCheck(kept=not past, metadata={"past": past})

    def _is_private(self, module: str, graph: ImportGraph) -> bool:
        return (
            module.split(".", maxsplit=1)[0] in self.packages
            and module.count(".") > 1
            and not graph.find_children(module)
        )

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Name each import."""
        for importer, imported in check.metadata["past"]:
            output.print_error(f"{importer} imports {imported}: import from {_wing(imported)}")


def _wing(module: str) -> str:
    return ".".join(module.split(".")[:2])
