"""Writes the tables of names into docs/how-to/coming-from/; scripts/reference runs it."""

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import turnlog

PAGES = Path(__file__).parents[1] / "docs" / "how-to" / "coming-from"
TABLE = re.compile(r"(?<=<!-- names -->\n\n).*?(?=<!-- end of names -->)", re.DOTALL)

MODULES = {
    "lionpride": ["", "session", "operations", "services", "base", "protocols", "errors"],
    "lionagi": ["", "session", "protocols", "messages", "piles", "mail", "actions", "models", "errors"],
    "lionagi_early": [""],
    "coda": ["base.session", "base.providers"],
    "pyai": ["", "sessions"],
}
"""The modules of each package that a program imports from; the first that has a name is shown."""

OURS_FROM = ["", "content", "errors", "logs", "mail", "models", "operations"]
"""Where the same objects are found in the public API, in this order."""

NAMES: dict[str, dict[str, tuple[str, str]]] = {
    "lionpride": {
        "Session": ("Session(user=, default_generate_model=, store=)", "the first argument is the system message"),
        "Session.open": ("Session.open(session_id)", ""),
        "Session.id": ("session.id", ""),
        "Session.user": ("session.user", ""),
        "Session.metadata": ("session.metadata", ""),
        "Session.created_at": ("session.created_at", ""),
        "Session.messages": ("session.concat_messages()", "of all branches; `session.messages` is of the default one"),
        "Session.branches": ("session.branches", "by name, id or number of creation"),
        "Session.default_branch": ("session.find_default_branch()", "`session.default_branch` raises if there is none"),
        "Session.set_default_branch": ("session.change_default_branch(branch)", ""),
        "Session.create_branch": ("session.create_branch(name, capabilities=, resources=)", "None allows everything"),
        "Session.get_branch": ("session.get_branch(branch, default)", ""),
        "Session.fork": ("session.fork(branch, at=, name=)", "at any position"),
        "Session.merge": ("session.merge(source, into)", ""),
        "Session.add_message": ("branch.add(content)", "`branch.share` shows it on other branches"),
        "Session.get_branch_system": ("branch.system", ""),
        "Session.set_branch_system": ("branch.set_system(content)", ""),
        "Session.set_default_model": ("session.set_model(model, purpose)", ""),
        "Session.register_operation": ("session.operations.register(name, function)", ""),
        "Session.conduct": ("session.operations.run(operation, branch, params)", "returns the result, raises failures"),
        "Session.to_dict": ("session.record()", "the exact record, as bytes"),
        "Session.from_dict": ("Session.from_record(record)", ""),
        "Branch": ("Branch", ""),
        "Branch.id": ("branch.id", ""),
        "Branch.name": ("branch.name", "`branch.rename` changes it"),
        "Branch.session_id": ("branch.session_id", ""),
        "Branch.capabilities": ("branch.capabilities", "`branch.change_access` changes it"),
        "Branch.resources": ("branch.resources", "`branch.change_access` changes it"),
        "Branch.messages": ("branch.messages", ""),
        "Branch.order": ("branch.messages", "`branch.messages.ids`"),
        "Branch.system_message": ("branch.system", "the message, not its id"),
        "Branch.set_system_message": ("branch.set_system(content)", ""),
        "Exchange": ("turnlog.mail.SessionMail", "each session has one: `session.mail`"),
        "Exchange.register": ("session.mail.register(name)", "branches have a mailbox from the start"),
        "Exchange.unregister": ("session.mail.unregister(name)", "waiting mail is kept"),
        "Exchange.has": ("session.mail.participants", ""),
        "Exchange.owner_ids": ("session.mail.participants", ""),
        "Exchange.send": (
            "session.mail.send(sender, recipient, content, channel=)",
            "recipients may come later",
        ),
        "Exchange.collect": ("session.mail.route(senders)", ""),
        "Exchange.collect_all": ("session.mail.route()", ""),
        "Exchange.sync": ("session.mail.route()", ""),
        "Exchange.receive": ("session.mail.inbox(owner, sender)", ""),
        "Exchange.pop_mail": ("session.mail.pop(owner, sender)", ""),
        "Exchange.run": ("session.mail.run(interval)", ""),
        "Exchange.stop": ("session.mail.stop()", ""),
        "ServiceRegistry": ("", "models and tools are passed where they are used"),
        "ServiceRegistry.register": ("session.register_tools(tools)", "models: `session.set_model`"),
        "ServiceRegistry.unregister": ("", ""),
        "ServiceRegistry.get": ("", ""),
        "ServiceRegistry.find": ("", ""),
        "ServiceRegistry.has": ("", ""),
        "ServiceRegistry.list_names": ("branch.tools", "the names of the tools of a branch"),
        "ServiceRegistry.tools": ("branch.tools", "the names of the tools of a branch"),
        "generate": ("branch.generate(instruction)", ""),
        "operate": ("branch.operate(instruction)", ""),
        "react": ("branch.react(instruction)", ""),
        "Element": ("", "sessions, branches, messages, mails and logs have an `id`"),
        "Element.id": ("session.id", ""),
        "Node": ("", ""),
        **dict.fromkeys(("Observable", "Serializable", "Deserializable"), ("", "a protocol")),
        **dict.fromkeys(("Observable.id",), ("session.id", "")),
        "Serializable.to_dict": ("message.to_dict()", ""),
        "Deserializable.from_dict": ("Message.from_dict(given)", ""),
        "Containable": ("", "`collections.abc.Container`"),
        "Hashable": ("", "`collections.abc.Hashable`"),
    },
    "lionagi": {
        "Session": ("Session(user=, name=, metadata=, default_branch=)", "begins with a branch unless it is None"),
        "Session.open": ("Session.open(session_id)", ""),
        "Session.created_at": ("session.created_at", ""),
        "Session.branches": ("session.branches", "by name, id or number of creation"),
        "Session.default_branch": ("session.default_branch", "raises if there is none"),
        "Session.new_branch": (
            "session.create_branch(name, system=, model=, parse_model=, tools=, share=)",
            "`messages=` are recorded, `share=` are those of other branches",
        ),
        "Session.remove_branch": ("session.remove_branch(branch)", "it stays readable at earlier positions"),
        "Session.split": ("session.split(branch)", "`session.fork` at any position"),
        "Session.asplit": ("session.asplit(branch)", "`session.fork` at any position"),
        "Session.change_default_branch": ("session.change_default_branch(branch)", ""),
        "Session.mail_transfer": ("session.mail", ""),
        "Session.mail_manager": ("session.mail", "`async with session.mail.lock`"),
        "Session.send": ("session.mail.deliver(recipients)", "after `session.mail.collect()`"),
        "Session.collect": ("session.mail.collect(senders)", "does not receive: `branch.mail.receive()`"),
        "Session.collect_send_all": ("session.mail.route(receive=)", ""),
        "Session.acollect_send_all": ("session.mail.aroute(receive=)", ""),
        "Session.concat_messages": ("session.concat_messages(branches, exclude_clone, exclude_load)", ""),
        "Session.to_df": ("session.to_df(branches, exclude_clone, exclude_load)", "`text` is the text, `content` JSON"),
        "Session.to_dict": ("session.record()", "the exact record, as bytes"),
        "Session.from_dict": ("Session.from_record(record)", ""),
        "Branch": ("Branch(system=, tools=, chat_model=, parse_model=)", "in a session of its own"),
        "Branch.of": ("", "`branch.turnlog` is the ordinary branch"),
        "Branch.msgs": ("branch.messages", ""),
        "Branch.messages": ("branch.messages", "a lazy sequence"),
        "Branch.logs": ("branch.logs", ""),
        "Branch.tools": ("branch.tools", "their names"),
        "Branch.register_tools": ("branch.register_tools(tools)", ""),
        "Branch.communicate": ("branch.communicate(instruction, guidance=, tools=)", "offers the tools passed"),
        "Branch.operate": (
            "branch.operate(instruction, tools=, response_format=, suppress_errors=)",
            "shows the model the error of a tool, unless `suppress_errors=False`",
        ),
        "Branch.parse": ("branch.parse(text, request_type, handle_validation=)", ""),
        "Branch.invoke_action": ("branch.act(requests)", "a list of requests"),
        "Branch.mailbox": ("branch.mail", ""),
        "Branch.send": ("branch.mail.send(recipient, content, category=)", ""),
        "Branch.receive": ("branch.mail.receive(sender, message=, tool=, imodel=)", ""),
        "Branch.receive_all": ("branch.mail.receive()", ""),
        "MessageManager": ("branch.messages", ""),
        "MessageManager.messages": ("branch.messages", ""),
        "MessageManager.progression": ("branch.messages", "`branch.messages.ids`"),
        "MessageManager.system": ("branch.system", ""),
        "MessageManager.set_system": ("branch.set_system(content, sender=)", ""),
        "MessageManager.add_message": ("branch.add(content, sender=, recipient=)", "the content is a dict"),
        "MessageManager.clear_messages": ("branch.clear()", "the messages stay recorded"),
        "MessageManager.to_chat_msgs": ("branch.to_chat()", ""),
        "MailManager": ("session.mail", ""),
        "MailManager.collect": ("session.mail.collect(senders)", ""),
        "MailManager.send": ("session.mail.deliver(recipients)", ""),
        "MailManager.collect_all": ("session.mail.collect()", ""),
        "MailManager.send_all": ("session.mail.deliver()", ""),
        "Pile": ("turnlog.projections.Messages", "read-only; by number and slice"),
        "Pile.keys": ("turnlog.projections.Messages.ids", ""),
        "Pile.progression": ("turnlog.projections.Messages.ids", ""),
        "Progression": ("turnlog.projections.Messages.ids", "a list"),
        "FunctionCalling": ("branch.act(requests)", "on the record"),
        "FunctionCalling.function": ("Tool", "`tool.name`"),
        "Event": ("session.operations.run(operation, branch, params)", "on the record"),
        "Event.invoke": ("session.operations.run(operation, branch, params)", "returns the result, raises failures"),
        "Event.status": ("turnlog.operations.OperationRecord.status", ""),
        "Event.response": ("turnlog.operations.OperationRecord.result", ""),
        "TokenCalculator": ("session.token_count()", ""),
        "TokenCalculator.calculate_message_tokens": ("turnlog.models.count_tokens(messages, tokenizer)", ""),
        "Element": ("", "sessions, branches, messages, mails and logs have an `id`"),
        "Element.id": ("session.id", ""),
        "Element.metadata": ("branch.metadata", "`session.metadata`"),
        "Relational": ("", "a base class"),
        "Relational.name": ("branch.name", "`session.name`"),
        "Relational.user": ("branch.user", "`session.user`"),
        "Communicatable": ("", "a base class"),
        "Communicatable.send": ("branch.mail.send(recipient, content, category=)", ""),
        "Node": ("", "a base class"),
        "Observable": ("", "a protocol"),
        "Observable.id": ("session.id", ""),
        "ID": ("", "methods take branches, names and ids"),
        **dict.fromkeys(("ID.Ref", "ID.RefSeq", "ID.get_id"), ("", "")),
        "JsonValue": ("", "`typing.Any`"),
        "SenderRecipient": ("", "`str`"),
    },
    "lionagi_early": {
        "Session": ("Session(system, default_generate_model=, tools=)", "`service=` is `default_generate_model=`"),
        "Session.open": ("Session.open(session_id)", ""),
        "Session.id": ("session.id", ""),
        "Session.branches": ("session.branches", "by name, id or number of creation"),
        "Session.default_branch": ("session.default_branch", ""),
        "Session.messages": ("session.messages", "`session.messages.to_df()` is a DataFrame with more columns"),
        "Session.all_messages": ("session.concat_messages()", "`session.to_df()` as a DataFrame"),
        "Session.chat": ("session.chat(instruction)", "`max_token` and `model` as there"),
        "Session.new_branch": ("session.create_branch(name, system=, tools=)", ""),
        "Session.change_default_branch": ("session.change_default_branch(branch)", ""),
        "Session.merge_branch": ("session.merge(source, into)", ""),
        "Session.delete_branch": ("session.remove_branch(branch)", "it stays readable at earlier positions"),
        "Branch": ("Branch", ""),
        "Branch.name": ("branch.name", ""),
        "Branch.messages": ("branch.messages", "`branch.messages.to_df()` is a DataFrame with more columns"),
        "Branch.chat": ("branch.chat(instruction)", ""),
    },
    "coda": {
        "SessionManager": ("SessionManager(config, storage=, store=)", "other defaults"),
        "SessionManager.create_session": (
            "manager.create_session(name, branch_from=)",
            "with `branch_from`, a branch that exists raises `KeyTakenError`",
        ),
        "SessionManager.load_session": ("manager.get(name)", ""),
        "SessionManager.save_session": ("manager.save(session)", "returns what is on the record"),
        "SessionManager.delete_session": ("manager.delete(name)", ""),
        "SessionManager.list_sessions": ("manager.list_sessions()", "with filters, orders and pages"),
        "SessionManager.get_session_info": ("manager.get_session_info(name)", ""),
        "SessionManager.close": ("manager.close()", ""),
        "Session": ("Session(name=, key=, messages=, metadata=)", "the first argument is the system message"),
        "Session.name": ("session.key", "`session.name` may be shared"),
        "Session.messages": ("session.messages", "a lazy sequence of `Message`; assign a list to replace it"),
        "Session.metadata": ("session.metadata", ""),
        "Session.created_at": ("session.created_at", "in UTC"),
        "Session.updated_at": ("session.updated_at", "in UTC"),
        "Session.add_message": ("session.add(content)", ""),
        "Session.get_messages": ("session.get_messages(limit)", "the dicts have the attributes of messages"),
        "Session.clear_messages": ("branch.clear()", "keeps the system message"),
        "Session.update_metadata": ("session.update_metadata(changes)", ""),
        "Session.get_token_count": ("session.token_count()", ""),
        "Session.truncate_messages": (
            "branch.truncate(keep_last, keep_system=)",
            "keeps the system message",
        ),
        "SessionError": ("TurnlogError", "`turnlog.errors.SessionError` is narrower"),
        "SessionInfo": ("turnlog.catalogue.SessionInfo", "counts all messages ever recorded; times in UTC"),
        "SessionStorage": ("turnlog.manager.SessionStorage", "the sessions are ordinary ones"),
        "SessionStorage.save": ("turnlog.manager.SessionStorage", ""),
        "SessionStorage.load": ("turnlog.manager.SessionStorage", ""),
        "SessionStorage.delete": ("turnlog.manager.SessionStorage", ""),
        "SessionStorage.list_all": ("turnlog.manager.SessionStorage", ""),
        "ProviderFactory": ("iModel(provider, model)", "a model, not a provider"),
        "ProviderFactory.create": ("iModel(provider, model)", "a model, not a provider"),
        "Provider": ("iModel(provider, model)", ""),
        "Provider.chat": ("branch.chat(instruction)", "awaited; both messages and the call are recorded"),
        "ChatResponse": ("turnlog.models.ModelResponse", "the text is `text`"),
    },
    "pyai": {
        "Agent": ("branch.set_model(model)", "system message, model and tools of a branch"),
        "Agent.instructions": ("branch.set_system(content)", ""),
        "Agent.model": ("branch.set_model(model)", ""),
        "Agent.tools": ("branch.register_tools(tools)", ""),
        "Runner": ("turnlog.operations.SessionOperations", "`turnlog.Runner` runs projections"),
        "Runner.run_async": ("branch.chat(instruction)", "the history is that of the branch"),
        "SessionManager": ("SessionManager(store=)", "finds sessions by name as well"),
        "SessionManager.create_session": ("manager.create_session(user=)", "the first argument is the name"),
        "SessionManager.get_session": (
            "manager.get_session(session_id)",
            "raises `SessionNotFoundError`",
        ),
        "SessionManager.get_sessions_for_user": ("manager.get_sessions_for_user(user)", ""),
        "SessionManager.save": ("manager.save(session)", "returns what is on the record"),
        "SessionManager.archive": ("manager.archive(reference)", ""),
        "SessionManager.archive_inactive": ("manager.archive_inactive(days)", ""),
        "SessionManager.delete": ("manager.delete(reference)", ""),
        "SessionManager.clear_all": ("manager.clear_all(confirm=)", "only with `confirm=True`"),
        "SessionManager.close": ("manager.close()", ""),
        "Session": (
            "Session(session_id=, user=, metadata=)",
            "recorded at once; the first argument is the system text",
        ),
        "Session.of": ("", ""),
        "Session.session_id": ("session.id", ""),
        "Session.user_id": ("session.user", ""),
        "Session.metadata": ("session.metadata", ""),
        "Session.update_metadata": ("session.update_metadata(changes)", ""),
        "Session.status": ("session.status", ""),
        "Session.created_at": ("session.created_at", ""),
        "Session.updated_at": ("session.updated_at", ""),
        "Session.messages": ("session.messages", "a lazy sequence"),
        "Session.message_count": ("session.message_count", "counts all messages ever recorded"),
        "Session.add_message": ("session.add(content, body)", "two arguments are role and content"),
        "Session.state": ("session.state", ""),
        "Session.set_state": ("session.set_state(key, value)", ""),
        "Session.get_state": ("session.get_state(key, default)", ""),
        "Session.archive": ("session.archive()", ""),
        "Session.to_dict": ("session.record()", "the exact record, as bytes"),
        "Session.from_dict": ("Session.from_record(record)", ""),
        "Message": ("Message", ""),
        "Message.role": ("message.role", "an enum of texts"),
        "Message.content": ("message.text", "`message.content` is structured"),
        "Message.timestamp": ("message.created_at", ""),
        "SQLiteSessionStore": ("turnlog.stores.SQLiteSessionStore", ""),
        "RedisSessionStore": (
            "turnlog.stores.RedisSessionStore(url, prefix, ttl, hash_tag=)",
            "without `hash_tag=`, the prefix is in braces",
        ),
        "MemorySessionStore": ("turnlog.stores.MemorySessionStore", ""),
        "SessionStore": ("turnlog.manager.AsyncSessionStorage", "the sessions are ordinary ones"),
        **{
            f"SessionStore.{name}": ("turnlog.manager.AsyncSessionStorage", "")
            for name in ("save", "get", "delete", "list_for_user")
        },
    },
}
"""What each name of a package is in the public API, and what differs; names of the same object are found."""


def theirs(package: str) -> Iterator[tuple[str, str, Any]]:
    """The names of a package: module, name and object; then the public members of its own classes."""
    shown = set()
    for module in MODULES[package]:
        place = f"turnlog.compat.{package}" + (f".{module}" if module else "")
        there = import_module(place)
        for name in there.__all__:
            thing = getattr(there, name)
            if name in shown:
                continue
            shown.add(name)
            yield module, name, thing
            if inspect.isclass(thing) and thing.__module__.startswith(f"turnlog.compat.{package}"):
                members = [each for each in vars(thing) if not each.startswith("_")]
                yield from ((module, f"{name}.{member}", getattr(thing, member)) for member in members)


def ours(thing: object) -> str | None:
    """The name of the same object in the public API."""
    for module in OURS_FROM:
        place: Any = import_module(f"turnlog.{module}") if module else turnlog
        for name in place.__all__:
            if getattr(place, name) is thing:
                return f"turnlog.{module}.{name}" if module else name
    return None


def rows(package: str) -> Iterator[tuple[str, str, str]]:
    """The rows of a table: their name, ours, and what differs."""
    for module, name, thing in theirs(package):
        same = None if name in NAMES[package] else ours(thing)
        here, differs = (same, "the same") if same is not None else NAMES[package][name]
        yield f"{module}.{name}" if module else name, here, differs


def table(package: str) -> str:
    """The table of names of a package."""
    lines = ["| there | here | otherwise here |", "|---|---|---|"]
    for there, here, differs in rows(package):
        cells = [f"`{there}`", f"`{here}`" if here else "", differs]
        lines.append("|" + "".join(f" {cell} |" if cell else " |" for cell in cells))
    return "\n".join(lines) + "\n\n"


def page_of(package: str) -> Path:
    """The page for users of a package."""
    return PAGES / f"{package.replace('_', '-')}.md"


def with_table(package: str, text: str) -> str:
    """The text of a page, with the table of today."""
    return TABLE.sub(lambda _: table(package), text)


if __name__ == "__main__":
    for package in MODULES:
        page = page_of(package)
        page.write_text(with_table(package, page.read_text("utf-8")), "utf-8")
