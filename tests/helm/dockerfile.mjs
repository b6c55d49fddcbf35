// The Dockerfile, as far as it can be judged without building it: its syntax, and what the chart counts on.
import {existsSync, readFileSync} from 'node:fs';
import {DockerfileParser} from 'dockerfile-ast';
import {validate} from 'dockerfile-utils';

const root = new URL('../../', import.meta.url);
const text = readFileSync(new URL('Dockerfile', root), 'utf8');
const dockerfile = DockerfileParser.parse(text);
const instructions = dockerfile.getInstructions();
const all = keyword => instructions.filter(instruction => instruction.getKeyword() === keyword);
const argumentsOf = instruction => instruction.getArguments().map(argument => argument.getValue());
const lastStage = instructions.slice(instructions.lastIndexOf(all('FROM').at(-1)));

export const dockerfileRules = {
  * 'has no errors or warnings'() {
    for (const {range, message} of validate(text)) yield `line ${range.start.line + 1}: ${message}`;
  },

  * 'builds in one stage and runs in another'() {
    const from = all('FROM');
    if (from.length < 2) yield 'one stage: the SDK would be in the image';
    for (const stage of from) if (!/:[\w.-]+$|^\w+$/.test(stage.getImage()) || stage.getImage().endsWith(':latest')) yield `${stage.getImage()} may change under its name`;
    if (!/aspnet:10\.0/.test(from.at(-1).getImage())) yield `the last stage is ${from.at(-1).getImage()}, not ASP.NET Core 10's runtime`;
  },

  * 'runs as a user who is not root, by number'() {
    const user = lastStage.filter(instruction => instruction.getKeyword() === 'USER').at(-1);
    // By number, or Kubernetes cannot know that it is not root.
    if (!user || !(Number(argumentsOf(user)[0]) > 0)) yield `USER is ${user ? argumentsOf(user)[0] : 'missing'}`;
  },

  * 'starts the silo without a shell'() {
    const entry = lastStage.find(instruction => instruction.getKeyword() === 'ENTRYPOINT');
    if (!entry || !entry.getArgumentsContent().startsWith('[')) yield 'ENTRYPOINT must be in the form ["program", ...]: the image has no shell';
  },

  * 'exposes the ports of the chart'() {
    const values = readFileSync(new URL('helm/orleansfeatures/values.yaml', root), 'utf8');
    const ports = [...values.match(/^ports:\n((?: +\w+: \d+\n)+)/m)[1].matchAll(/\d+/g)].map(([port]) => port);
    const exposed = all('EXPOSE').flatMap(argumentsOf);
    if ([...ports].sort().join() !== [...exposed].sort().join()) yield `EXPOSE ${exposed.join(' ')}, but the chart's ports are ${ports.join(' ')}`;
  },

  * 'copies what is there, and nothing that is ignored'() {
    const ignored = readFileSync(new URL('.dockerignore', root), 'utf8').split('\n').filter(line => line && !line.startsWith('#'));
    for (const copy of all('COPY').filter(instruction => !instruction.getFlags().some(flag => flag.getName() === 'from'))) {
      for (const source of argumentsOf(copy).slice(0, -1)) {
        const path = source.replace(/\/$/, '');
        if (!existsSync(new URL(path, root))) yield `COPY ${source}: there is no such file`;
        if (!ignored.includes(`!${path}`) && !ignored.includes(`!${path}/`)) yield `COPY ${source}: .dockerignore keeps it out`;
      }
    }
  },

  * 'holds no secret'() {
    for (const instruction of [...all('ARG'), ...all('ENV')]) if (/PASSWORD|SECRET|TOKEN|_KEY/i.test(instruction.getArgumentsContent())) yield `line ${instruction.getRange().start.line + 1}: secrets do not belong in an image`;
    if (all('ADD').length > 0) yield 'ADD fetches and unpacks: use COPY';
  },
};
