# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API of an ESXi host or a vCenter: getting in, finding things, waiting for tasks, and what its faults mean.

The API is VMware's vSphere Web Services API: https://developer.broadcom.com/xapis/vsphere-web-services-api/latest/
"""

from __future__ import annotations

import contextlib
import hashlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    from pyVim import connect as vim_connect
    from pyVmomi import vim, vmodl
except ImportError:
    HAS_PYVMOMI = False
else:
    HAS_PYVMOMI = True

#: How often a task is looked at, in seconds.
POLL_INTERVAL = 0.2

#: Arguments that every module has which talks to the API; plugins/doc_fragments/vsphere.py describes them.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "hostname": {"type": "str", "required": True},
    "port": {"type": "int", "default": 443},
    "username": {"type": "str", "required": True},
    "password": {"type": "str", "required": True, "no_log": True},
    "validate_certs": {"type": "bool", "default": True},
    "ca_file": {"type": "path"},
    "timeout": {"type": "int", "default": 600},
    "datacenter": {"type": "str", "default": "ha-datacenter"},
    "esxi_host": {"type": "str", "default": ""},
    "datastore": {"type": "str", "required": True},
}

READ_ONLY = (
    "its licence makes the API read-only, as that of the free ESXi does",
    "Give the host a licence with the vSphere API, or have a vCenter manage it. With the free one, make both machines by hand"
    " and leave the esxi_vm variables out; such machines cannot be fenced through the host either.",
)


class VsphereError(Exception):
    """Something of the API is not as it must be.

    :param found: what was found.
    :param cure: what to do about it.
    """

    def __init__(self, found: str, cure: str) -> None:
        super().__init__(f"{found}. What to do: {cure}")
        self.found = found
        self.cure = cure


def _fingerprint(host: str, port: int, timeout: float) -> str:
    """Return the SHA-256 fingerprint of a server's certificate, without trusting it; empty when there is none to be had."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), timeout) as plain, context.wrap_socket(plain) as wrapped:
            digest = hashlib.sha256(wrapped.getpeercert(True) or b"").hexdigest().upper()
    except OSError:
        return ""
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


def _context(params: Mapping[str, Any]) -> ssl.SSLContext:
    """Return the TLS context for the connection."""
    if not params["validate_certs"]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    try:
        return ssl.create_default_context(cafile=params["ca_file"])
    except (OSError, ssl.SSLError) as error:
        raise VsphereError(
            f"the file of trusted certificates {params['ca_file']} cannot be read: {error}",
            "Name a file with certificates in PEM in esxi_vm_ca_file.",
        ) from error


def _shake_hands(host: str, port: int, context: ssl.SSLContext, timeout: float) -> None:
    """Make one TLS connection, because what is wrong with it is said here more clearly than by pyVmomi.

    :raises VsphereError: the host does not answer, or its certificate is not trusted.
    """
    try:
        with socket.create_connection((host, port), timeout) as plain, context.wrap_socket(plain, server_hostname=host):
            pass
    except ssl.SSLCertVerificationError as error:
        raise VsphereError(
            f"its certificate is not trusted: {error.verify_message} (SHA-256 {_fingerprint(host, port, timeout)})",
            "Save the certificate of the host, or of the authority that signed it, in a file on the controller, compare its"
            " fingerprint with the one that the host shows at its console, and name the file in esxi_vm_ca_file. The name in"
            " esxi_vm_hostname must be one that the certificate has.",
        ) from error
    except ssl.SSLError as error:
        raise VsphereError(f"port {port} does not speak TLS: {error}", "Is esxi_vm_port the one of the API (443)?") from error
    except OSError as error:
        raise VsphereError(
            f"port {port} does not answer: {error}",
            "Is the host up, are esxi_vm_hostname and esxi_vm_port right, and does a firewall let the controller in?",
        ) from error


def explain(error: Exception, params: Mapping[str, Any]) -> VsphereError:
    """Return what a fault of the API means to whoever runs this.

    :param error: the fault, or any other error that pyVmomi raised.
    :param params: arguments of the module, for the names in the message.
    """
    if isinstance(error, VsphereError):
        return error
    if isinstance(error, vim.fault.InvalidLogin):
        return VsphereError(
            f"it refuses the password of {params['username']}",
            "Correct esxi_vm_username and esxi_vm_password, which belongs in the vault. After five wrong ones a host locks the"
            " account for a quarter of an hour.",
        )
    if isinstance(error, vim.fault.RestrictedVersion):
        return VsphereError(*READ_ONLY)
    if isinstance(error, vim.fault.HostAccessRestrictedToManagementServer):
        return VsphereError(
            "a vCenter manages this host and keeps changes to itself",
            "Name that vCenter in esxi_vm_hostname, and this host in esxi_vm_esxi_host.",
        )
    if isinstance(error, vim.fault.NoPermission):
        return VsphereError(
            f"{params['username']} lacks the privilege {error.privilegeId}",
            "Give the account a role with it on the host, the datastore and the networks; docs/esxi.md lists what is needed.",
        )
    if isinstance(error, vim.fault.NoDiskSpace):
        return VsphereError(
            f"the datastore {error.datastore or params['datastore']} is full",
            "Make room on it, name another one in esxi_vm_datastore, or make the disks smaller.",
        )
    said = getattr(error, "msg", None) or str(error)
    if isinstance(error, vmodl.MethodFault):
        more = [item.message for item in (error.faultMessage or []) if item.message]
        said = f"{type(error).__name__.rsplit('.', 1)[-1]}: {'; '.join([said, *more]).strip('; ')}"
    return VsphereError(f"the API said {' '.join(said.split())}", "See the task in the host's or vCenter's own interface.")


class Vsphere:
    """A session at the API.

    :ivar content: the service's content, ``vim.ServiceInstanceContent``.
    """

    def __init__(self, params: Mapping[str, Any]) -> None:
        """Log in.

        :param params: arguments of the module, those of ARGUMENTS among them.
        :raises VsphereError: it does not answer, is not trusted, or does not let us in.
        """
        self.params = params
        context = _context(params)
        # Whoever answers does so at once; the module's timeout is for its tasks.
        _shake_hands(params["hostname"], params["port"], context, min(params["timeout"], 20))
        try:
            self._instance = vim_connect.SmartConnect(
                host=params["hostname"], port=params["port"], user=params["username"], pwd=params["password"], sslContext=context
            )
        except Exception as error:
            raise explain(error, params) from error
        self.content = self._instance.RetrieveContent()

    def close(self) -> None:
        """Log out; a session that is gone already is no matter."""
        with contextlib.suppress(Exception):
            vim_connect.Disconnect(self._instance)

    @property
    def is_vcenter(self) -> bool:
        """Whether it is a vCenter, and no host."""
        return bool(self.content.about.apiType == "VirtualCenter")

    def read_only(self) -> bool:
        """Whether a standalone host has the licence whose API only reads (VMware vSphere Hypervisor, edition esxBasic)."""
        if self.is_vcenter:
            return False
        licences = self.content.licenseManager.licenses or []
        return bool(licences) and all(licence.editionKey.startswith("esxBasic") for licence in licences)

    def _below(self, folder: Any, kind: Any) -> Iterator[Any]:
        """Give what is in a folder and in the folders in it."""
        for child in folder.childEntity:
            if isinstance(child, kind):
                yield child
            elif isinstance(child, vim.Folder):
                yield from self._below(child, kind)

    def datacenter(self) -> Any:
        """Return the datacenter.

        :raises VsphereError: there is none of the name.
        """
        found = {item.name: item for item in self._below(self.content.rootFolder, vim.Datacenter)}
        if self.params["datacenter"] not in found:
            raise VsphereError(
                f"there is no datacenter {self.params['datacenter']}, but {', '.join(sorted(found)) or 'none at all'}",
                "Name one of them in esxi_vm_datacenter.",
            )
        return found[self.params["datacenter"]]

    def host(self) -> Any:
        """Return the ESXi host: the only one, or on a vCenter the one that was named.

        :raises VsphereError: there is none of the name, or none was named.
        """
        resources = self._below(self.datacenter().hostFolder, vim.ComputeResource)
        found = {host.name: host for resource in resources for host in resource.host}
        wanted = self.params["esxi_host"]
        if not self.is_vcenter:
            if wanted:
                raise VsphereError(
                    f"it is a standalone ESXi host, and esxi_vm_esxi_host ({wanted}) is for hosts of a vCenter",
                    "Leave esxi_vm_esxi_host empty, or name the vCenter in esxi_vm_hostname.",
                )
            return next(iter(found.values()))
        if wanted not in found:
            raise VsphereError(
                f"it is a vCenter, and its datacenter {self.params['datacenter']} has no host {wanted or 'without a name'}, but"
                f" {', '.join(sorted(found)) or 'none at all'}",
                "Say in esxi_vm_esxi_host on which of them the machine is to run, best each node on one of its own.",
            )
        return found[wanted]

    def datastore(self) -> Any:
        """Return the datastore, as the host has it.

        :raises VsphereError: the host has none of the name, or does not reach it.
        """
        found = {item.name: item for item in self.host().datastore}
        name = self.params["datastore"]
        if name not in found:
            raise VsphereError(
                f"there is no datastore {name}, but {', '.join(sorted(found)) or 'none at all'}",
                "Name one of them in esxi_vm_datastore.",
            )
        if not found[name].summary.accessible:
            raise VsphereError(f"the host does not reach its datastore {name}", "See the storage of the host in its own interface.")
        return found[name]

    def networks(self) -> dict[str, Any]:
        """Return the networks of the host by name: ``vim.Network``, or for those of a distributed switch its subclass."""
        return {item.name: item for item in self.host().network}

    def machine(self, uuid: str) -> Any | None:
        """Return the machine with an instance uuid, or None."""
        return self.content.searchIndex.FindByUuid(None, uuid, True, True)

    def machines_named(self, name: str) -> list[Any]:
        """Return all machines of a name, wherever in the host or vCenter they are."""
        view = self.content.viewManager.CreateContainerView(self.content.rootFolder, [vim.VirtualMachine], True)
        collector = vmodl.query.PropertyCollector
        spec = collector.FilterSpec(
            objectSet=[
                collector.ObjectSpec(
                    obj=view, skip=True, selectSet=[collector.TraversalSpec(type=type(view), path="view", skip=False)]
                )
            ],
            propSet=[collector.PropertySpec(type=vim.VirtualMachine, pathSet=["name"])],
        )
        try:
            answer = self.content.propertyCollector.RetrievePropertiesEx([spec], collector.RetrieveOptions())
            objects = []
            while answer is not None:
                objects += answer.objects
                more = answer.token
                answer = self.content.propertyCollector.ContinueRetrievePropertiesEx(more) if more else None
        finally:
            view.DestroyView()
        return [item.obj for item in objects if any(value.val == name for value in item.propSet)]

    def file_size(self, path: str) -> int | None:
        """Return the size of a file in the datastore in bytes; None when it is not there.

        :param path: relative to the datastore, such as ``iso/installer.iso``.
        """
        directory, dummy, name = path.rpartition("/")
        browser = vim.host.DatastoreBrowser
        spec = browser.SearchSpec(
            matchPattern=[name], details=browser.FileInfo.Details(fileSize=True, fileType=False, modification=False, fileOwner=False)
        )
        task = self.datastore().browser.SearchDatastore_Task(f"[{self.params['datastore']}] {directory}".strip(), spec)
        try:
            result = self.wait(task)
        except vim.fault.FileNotFound:
            return None
        return next((int(item.fileSize or 0) for item in result.file or [] if item.path == name), None)

    def wait(self, task: Any) -> Any:
        """Wait for a task and return its result.

        :raises VsphereError: it takes too long.
        :raises Exception: the task's own fault.
        """
        deadline = time.monotonic() + self.params["timeout"]
        while True:
            info = task.info
            if info.state == vim.TaskInfo.State.success:
                return info.result
            if info.state == vim.TaskInfo.State.error:
                raise info.error
            if time.monotonic() >= deadline:
                raise VsphereError(
                    f"the task {info.descriptionId} is still {info.state} after {self.params['timeout']} s",
                    "See the task in the host's own interface; a larger esxi_vm_timeout gives it more time.",
                )
            time.sleep(POLL_INTERVAL)


def run(module: AnsibleModule, act: Callable[[Vsphere], dict[str, Any]]) -> dict[str, Any]:
    """Log in, act, log out, and return the result; end the module with which host, what was found and what to do when it fails.

    :param module: the module, whose arguments say where to log in.
    :param act: is given the session, and returns the module's result.
    """
    if not HAS_PYVMOMI:
        module.fail_json(msg=missing_required_lib("pyVmomi"))
    try:
        api = Vsphere(module.params)
        try:
            return act(api)
        finally:
            api.close()
    except Exception as error:
        explained = explain(error, module.params)
        module.fail_json(msg=f"{module.params['hostname']}: {explained}", found=explained.found, cure=explained.cure)
        raise
