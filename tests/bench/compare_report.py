"""The generated section of SPEED.md: what was measured, on what, and what could not be."""
import importlib.metadata
import platform

BEGIN = "<!-- written by tests/bench/compare.py; changes by hand are lost: begin -->"
END = "<!-- written by tests/bench/compare.py: end -->"

PACKAGES = ["torch", "transformers", "tokenizers", "onnxruntime"]


def processor():
    """Name, family and model, as the kernel tells them."""
    found = {}
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            key, _, value = line.partition(":")
            found.setdefault(key.strip(), value.strip())
    name = found.get("model name", platform.machine())
    if "cpu family" in found:
        name += f" (family {found['cpu family']} model {found['model']})"
    flags = found.get("flags", "").split()
    wide = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
    return name + ", " + " ".join(wide)


def version(package):
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{package} absent"


def system():
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()


def machine(run):
    """What figures must have in common to stand in one table."""
    engine = run.bench("tokenize", "--shape", "tiny", "--rows", 2, "--rounds", 1)["engine"]
    program = run.lines("finetuned", "--version")[0]
    return {"processor": processor(), "system": system(), "engine": engine, "program": program,
            "packages": [version(package) for package in PACKAGES]}


def number(value):
    if value is None:
        return ""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table_row(row):
    """One line; a target that was missed is said in words."""
    wanted = row["wanted"]
    unit = "×" if row["ours"] is not None else " " + row["unit"]
    target = ""
    if wanted is not None:
        reached = row["measured"] >= wanted if row["higher"] else row["measured"] <= wanted
        target = ("at least " if row["higher"] else "at most ") + f"{wanted:g}{unit}"
        target += "" if reached else ", missed"
    both = f"{number(row['ours'])} / {number(row['theirs'])} {row['unit']}" if row["ours"] else ""
    spread = f"{number(row['low'])}–{number(row['high'])}" if row["low"] != row["high"] else ""
    return (f"| {row['what']} | {row['against']} | {target} | **{number(row['measured'])}{unit}** | "
            f"{spread} | {both} |")


def render(stored, parts):
    found = stored["machine"]
    done = {name: stored["parts"][name] for name in parts if name in stored["parts"]}
    lines = [BEGIN, "", "## Measured beside the reference", "",
             f"{found['processor']}; {found['system']}; {found['program']}, engine {found['engine']}; "
             + ", ".join(found["packages"]) + ".", "",
             "Ratios of medians; the spread is that of the single rounds, ours and theirs in turn.", "",
             "| what | against | wanted | measured | rounds | ours / theirs |", "|---|---|---|---|---|---|"]
    for part in done.values():
        lines += [table_row(row) for row in part["rows"]]
    lines += ["", "How each part was measured: " + "; ".join(
        f"{name} {part['date']}, {part['rounds']} rounds, {part['threads']} threads, load "
        f"{part['load']:.1f} before" + (", **quick: a try-out, no figure to quote**" if part["quick"] else "")
        for name, part in done.items()) + "."]
    absent = [f"{name}: {done[name]['problem']}" for name in done if done[name]["problem"]]
    absent += [f"{name}: not asked for" for name in parts if name not in done]
    if absent:
        lines += ["", "Not run: " + "; ".join(absent) + "."]
    for part in done.values():
        for text in part["texts"]:
            lines += ["", f"### {text['title']}", "", "```", *text["lines"], "```"]
    return "\n".join(lines + ["", END])


def write(path, section):
    """Put the section between its marks; where there are none yet, before the history or last."""
    text = path.read_text(encoding="utf-8") if path.exists() else "# Speed\n"
    if BEGIN in text and END in text:
        before, rest = text.split(BEGIN, 1)
        text = before + section + rest.split(END, 1)[1]
    else:
        before, history, rest = text.partition("\n## History")
        text = before.rstrip("\n") + "\n\n" + section + "\n" + history + rest
    path.write_text(text, encoding="utf-8")
