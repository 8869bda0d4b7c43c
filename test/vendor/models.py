"""
Compares every request and response model of the vendor's Python SDKs with the contract: names, types, places of parameters, how lists and objects are written.

    pip install alibabacloud-dataworks-public20240518==9.11.0 alibabacloud-dataworks-public20200518==10.1.1
    python models.py

Prints what the SDKs have beyond the contract, which they got in later releases, and exits with 1 when the two say different things.
"""

import importlib
import inspect
import json
import pathlib
import re
import sys

CONTRACT = pathlib.Path(__file__).parents[2] / "contract" / "dataworks-public"
PACKAGES = {"2024-05-18": "alibabacloud_dataworks_public20240518", "2020-05-18": "alibabacloud_dataworks_public20200518"}
SCALARS = {"string": "str", "boolean": "bool", "int32": "int", "int64": "int", "float": "float", "double": "float"}
PLACES = {"query": "query", "form": "body"}


def fields_of(model):
    """Wire names of a model with the types that the SDK gives them."""
    types = inspect.signature(model.__init__).parameters
    fields = {}
    for block in re.split(r"\n\s+if m\.get\('", inspect.getsource(model.from_map))[1:]:
        attribute = re.search(r"self\.(\w+)(?:\[\w+\])? =|self\.(\w+)\.append", block)
        fields[block.split("'")[0]] = str(types[attribute.group(1) or attribute.group(2)].annotation)
    return fields


class Comparison:
    def __init__(self, version):
        self.models = importlib.import_module(PACKAGES[version] + ".models")
        self.client = importlib.import_module(PACKAGES[version] + ".client").Client
        self.differences, self.newer = [], []

    def node(self, node, given, path):
        kind = node["type"]
        if kind in SCALARS:
            wanted, inner = SCALARS[kind], None
        elif kind == "array":
            wanted, inner = r"(?:typing\.)?List\[(.*)\]", node["items"]
        elif kind == "map":
            wanted, inner = r"(?:typing\.)?Dict\[str, (.*)\]", node["values"]
        elif kind == "object":
            wanted, inner = r"main_models\.(\w+)", None
        else:
            return
        found = re.fullmatch(wanted, given)
        if found is None:
            self.differences.append(f"{path}: {kind} in the contract, {given} in the SDK")
        elif inner is not None:
            self.node(inner, found.group(1), path + "[]")
        elif kind == "object":
            self.object(node.get("properties", {}), getattr(self.models, found.group(1)), path)

    def object(self, properties, model, path):
        fields = fields_of(model)
        for name, node in properties.items():
            if name in fields:
                self.node(node, fields[name], f"{path}.{name}")
            else:
                self.differences.append(f"{path}.{name}: not in the SDK")
        self.newer += [f"{path}.{name}" for name in fields if name not in properties]

    def request(self, action, operation, source):
        sent = {name: place for place, name in re.findall(r"(query|body)(?:_flat)?\['(\w+)'\] = request", source)}
        model = getattr(self.models, action + "Request", None)
        if "Utils.query(request.to_map())" in source:
            sent |= dict.fromkeys(fields_of(model), "query")
        styles = dict(re.findall(r"array_to_string_with_specified_style\(tmp_req\.\w+, '(\w+)', '(\w+)'\)", source))
        types = {} if model is None else fields_of(model)
        names = set()
        for parameter in operation["parameters"]:
            name, path = parameter["name"], f"{action}({parameter['name']})"
            names.add(name)
            if sent.get(name) != PLACES[parameter["in"]]:
                self.differences.append(f"{path}: in the {parameter['in']} by the contract, {sent.get(name)} by the SDK")
            if name in styles and styles[name] != parameter.get("encoding"):
                self.differences.append(f"{path}: written as {parameter.get('encoding')} by the contract, {styles[name]} by the SDK")
            if name in types:
                self.node(parameter, types[name], path)
        self.newer += [f"{action}({name})" for name in sent if name not in names]

    def run(self, operations):
        methods = {}
        for name, method in inspect.getmembers(self.client, inspect.isfunction):
            if name.endswith("with_options"):
                source = inspect.getsource(method)
                action = re.search(r"action = '(\w+)'", source)
                if action:
                    methods[action.group(1)] = source
        for action, operation in operations.items():
            if action not in methods:
                self.differences.append(f"{action}: not in the SDK")
                continue
            self.object(operation["response"]["properties"], getattr(self.models, action + "ResponseBody"), action)
            self.request(action, operation, methods[action])
        self.newer += sorted(action for action in methods if action not in operations)


failed = False
for version in PACKAGES:
    operations = json.loads((CONTRACT / f"{version}.json").read_text())["operations"]
    comparison = Comparison(version)
    comparison.run(operations)
    print(f"{version}: {len(operations)} operations compared, {len(comparison.differences)} differences")
    for line in comparison.differences:
        print(f"  differs: {line}")
    print(f"  beyond the contract: {', '.join(comparison.newer) or 'nothing'}")
    failed = failed or bool(comparison.differences)
sys.exit(1 if failed else 0)
