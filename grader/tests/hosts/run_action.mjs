// run_action.mjs WORKFLOW [INPUT=VALUE...]: runs the steps of a workflow's only job here, as GitHub's runner would: composite
// actions of the repository with their inputs, `run` steps in bash with GITHUB_OUTPUT, expressions replaced before. Steps of
// foreign actions are named, not run. The caller sets GITHUB_WORKSPACE (the repository, checked out), GITHUB_EVENT_NAME,
// GITHUB_EVENT_PATH, GITHUB_STEP_SUMMARY, RUNNER_TEMP, and NODE_PATH to a folder with the package `yaml`.
//
// Prints `output NAME=VALUE` for each output of the job. Ends with 1 if a step failed.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const YAML = createRequire(join(process.env.NODE_PATH, 'x'))('yaml');
const workspace = process.env.GITHUB_WORKSPACE;
const event = JSON.parse(readFileSync(process.env.GITHUB_EVENT_PATH, 'utf8'));
const scratch = mkdtempSync(join(process.env.RUNNER_TEMP, 'steps-'));
let failed = false;

// The contexts that the workflow and the action use; another expression is a mistake of theirs, or of this script.
function value(expression, scope) {
  const [context, ...path] = expression.trim().split('.');
  const roots = { inputs: scope.inputs, steps: scope.steps, github: { event, ref: 'refs/heads/main' } };
  if (!(context in roots)) throw new Error(`expression '${expression}' is not known`);
  return path.reduce((object, key) => object?.[key], roots[context]) ?? '';
}

const expand = (text, scope) => String(text).replace(/\$\{\{(.*?)\}\}/g, (_, expression) => value(expression, scope));

function wanted(condition, scope) {
  if (condition === undefined) return !failed;
  const parts = condition.replace(/^\s*\$\{\{|\}\}\s*$/g, '').split('&&').map((part) => part.trim());
  return parts.every((part) => {
    if (part === 'always()') return true;
    const [left, right] = part.split('!=').map((side) => side.trim());
    return value(left, scope) !== right.replace(/^'|'$/g, '');
  }) && (!failed || parts.includes('always()'));
}

function readOutputs(file) {
  const lines = readFileSync(file, 'utf8').split('\n').filter((line) => line !== '');
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

function runShell(step, scope, actionPath) {
  const script = join(scratch, 'script.sh'), output = join(scratch, 'output');
  writeFileSync(script, expand(step.run, scope));
  writeFileSync(output, '');
  const own = Object.entries(step.env ?? {}).map(([name, text]) => [name, expand(text, scope)]);
  const result = spawnSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', script], {
    cwd: workspace, stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...Object.fromEntries(own), GITHUB_OUTPUT: output, GITHUB_ACTION_PATH: actionPath },
  });
  if (result.status !== 0) failed = true;
  return readOutputs(output);
}

function runComposite(step, scope) {
  const path = join(workspace, step.uses);
  const action = YAML.parse(readFileSync(join(path, 'action.yml'), 'utf8'));
  const inputs = {};
  for (const name of Object.keys(step.with ?? {}))
    if (!(name in action.inputs)) throw new Error(`the action has no input '${name}'`);
  for (const [name, input] of Object.entries(action.inputs))
    inputs[name] = expand(step.with?.[name] ?? input.default, scope);
  const inner = { inputs, steps: {} };
  action.runs.steps.forEach((each) => runStep(each, inner, path));
  return Object.fromEntries(Object.entries(action.outputs).map(([name, output]) => [name, expand(output.value, inner)]));
}

function runStep(step, scope, actionPath) {
  if (!wanted(step.if, scope)) return;
  let outputs = {};
  if (step.run !== undefined) outputs = runShell(step, scope, actionPath);
  else if (step.uses.startsWith('./')) outputs = runComposite(step, scope);
  else {
    const settings = Object.entries(step.with ?? {}).map(([name, text]) => `${name}=${expand(text, scope).trim().replace(/\n/g, ' ')}`);
    console.log(`step ${step.uses.split('@')[0]} ${settings.join('; ')}`);
  }
  if (step.id !== undefined) scope.steps[step.id] = { outputs };
}

const workflow = YAML.parse(readFileSync(process.argv[2], 'utf8'));
const job = Object.values(workflow.jobs)[0];
const inputs = Object.fromEntries(process.argv.slice(3).map((word) => word.split(/=(.*)/s).slice(0, 2)));
const scope = { inputs, steps: {} };
job.steps.forEach((step) => runStep(step, scope, workspace));
for (const [name, text] of Object.entries(job.outputs ?? {})) console.log(`output ${name}=${expand(text, scope)}`);
rmSync(scratch, { recursive: true });
process.exit(failed ? 1 : 0);
