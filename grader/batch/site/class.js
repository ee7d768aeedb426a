// class.js: sorts and searches the table of a class. The page is whole without it.
"use strict";

(function () {
    const table = document.getElementById("class");
    const search = document.getElementById("search");
    const status = document.getElementById("shown");
    const body = table.tBodies[0];
    const rows = Array.from(body.rows);

    function key(row, column) {
        const cell = row.cells[column];
        return cell.dataset.value !== undefined ? Number(cell.dataset.value) : cell.textContent.trim();
    }

    function compare(a, b) {
        return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
    }

    function sortBy(heading, column) {
        const up = heading.getAttribute("aria-sort") !== "ascending";
        for (const other of table.tHead.rows[0].cells) {
            other.removeAttribute("aria-sort");
        }
        heading.setAttribute("aria-sort", up ? "ascending" : "descending");
        rows.sort((a, b) => (up ? 1 : -1) * compare(key(a, column), key(b, column)));
        body.append(...rows);
    }

    function words(text) {
        return text.normalize("NFKC").toLowerCase().split(/\s+/).filter((word) => word !== "");
    }

    function filter() {
        const wanted = words(search.value);
        let shown = 0;
        for (const row of rows) {
            const text = row.textContent.normalize("NFKC").toLowerCase();
            row.hidden = !wanted.every((word) => text.includes(word));
            shown += row.hidden ? 0 : 1;
        }
        status.textContent = shown + " of " + rows.length + " shown";
    }

    Array.from(table.tHead.rows[0].cells).forEach((heading, column) => {
        const button = document.createElement("button");
        button.type = "button";
        button.append(...heading.childNodes);
        heading.append(button);
        button.addEventListener("click", () => sortBy(heading, column));
    });
    search.addEventListener("input", filter);
    search.closest("div").hidden = false;
    filter();
})();
