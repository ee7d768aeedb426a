// kit_secrets.mjs PROJECT KIT: whether a student kit holds text that is not for students: four lines in a row of a reference
// solution or of a right specimen that the lab's own files do not hold, or a specimen's first line.
// Prints where; ends with 1 if there is any.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const [project, kit] = process.argv.slice(2);
const LINES = 4, CHARACTERS = 60;

function filesBelow(folder) {
  return readdirSync(folder).map((name) => join(folder, name)).flatMap((path) => (statSync(path).isDirectory() ? filesBelow(path) : [path]));
}

// Runs of lines, without spaces and without lines that say nothing.
function runsOf(path) {
  const lines = readFileSync(path, 'utf8').split('\n').map((line) => line.replace(/\s+/g, '')).filter((line) => line.length > 3 && !line.startsWith('#include'));
  return lines.map((_, i) => lines.slice(i, i + LINES)).filter((run) => run.length === LINES && run.join('').length >= CHARACTERS).map((run) => run.join('\n'));
}

const secret = new Map();
for (const lab of readdirSync(join(project, 'solutions'))) {
  const known = new Set(filesBelow(join(project, 'labs', lab)).filter((path) => !path.includes('/hidden/') && /skeleton\.c$|\.h$/.test(path)).flatMap(runsOf));
  const right = join(project, 'grader/tests/specimens', lab, 'right');
  for (const path of [...filesBelow(join(project, 'solutions', lab)), ...filesBelow(right)])
    for (const run of runsOf(path)) if (!known.has(run)) secret.set(run, path);
}
if (secret.size < 1000) throw new Error(`only ${secret.size} runs of lines are known: this check checks nothing`);

let found = 0;
for (const path of filesBelow(kit)) {
  if (/\/(build|\.git)\//.test(path)) continue;
  const text = readFileSync(path, 'utf8');
  if (/^\/\* expect: /.test(text)) console.log(`${path} is a specimen`, found++);
  for (const run of runsOf(path)) if (secret.has(run)) console.log(`${path} holds lines of ${secret.get(run)}:\n${run}`, found++);
}
process.exit(found === 0 ? 0 : 1);
