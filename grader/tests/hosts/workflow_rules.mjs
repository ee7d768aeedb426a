// workflow_rules.mjs FILE...: what actionlint does not ask of workflows and actions: foreign actions are pinned to a commit,
// permissions are no more than reading the contents, pull_request_target is not used, no expression is pasted into a
// script, checked out credentials are not kept, and what runs a student's code does not run for pull requests.
// Prints what is wrong; ends with 1 if anything is. NODE_PATH: a folder with the package `yaml`.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const YAML = createRequire(join(process.env.NODE_PATH, 'x'))('yaml');
let wrong = 0;

function say(file, text) {
  console.log(`${file}: ${text}`);
  wrong++;
}

function checkStep(file, step) {
  if (step.run?.includes('${{')) say(file, `an expression in a script: ${step.run}`);
  if (step.uses === undefined || step.uses.startsWith('./')) return;
  if (!/^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/.test(step.uses)) say(file, `not pinned to a commit: ${step.uses}`);
  if (step.uses.startsWith('actions/checkout@') && step.with?.['persist-credentials'] !== false)
    say(file, 'checkout keeps the credentials');
}

function checkWorkflow(file, workflow) {
  const triggers = Array.isArray(workflow.on) ? workflow.on : Object.keys(workflow.on);
  if (triggers.includes('pull_request_target')) say(file, 'pull_request_target is used');
  if (file.endsWith('grade.yml') && triggers.includes('pull_request')) say(file, 'it runs for pull requests');
  if (JSON.stringify(workflow.permissions) !== '{"contents":"read"}') say(file, 'permissions are not contents: read alone');
  for (const job of Object.values(workflow.jobs)) {
    if (job.permissions !== undefined) say(file, 'a job has permissions of its own');
    if (job['timeout-minutes'] === undefined) say(file, 'a job has no time limit');
    job.steps.forEach((step) => checkStep(file, step));
  }
}

for (const file of process.argv.slice(2)) {
  const document = YAML.parse(readFileSync(file, 'utf8'));
  if (document.runs !== undefined) document.runs.steps.forEach((step) => checkStep(file, step));
  else checkWorkflow(file, document);
}
process.exit(wrong === 0 ? 0 : 1);
