// Holds a message in its JSON form to a proto: every name is a field's, every value of its kind, no oneof is set twice. Libraries skip what they do not know; k6 refuses it, at run time.
import { createRequire } from 'node:module';

// protobufjs comes with the proto loader.
const require = createRequire(createRequire(import.meta.url).resolve('@grpc/proto-loader'));
const protobuf = require('protobufjs');

const WHOLE = /^-?\d+$/;
const roots = new Map();

function rootOf(protos) {
  if (!roots.has(protos)) {
    const root = new protobuf.Root();
    root.resolvePath = (_, target) => `${protos}/${target}`;
    roots.set(protos, root.loadSync('orleansfeatures/v1/features.proto').resolveAll());
  }
  return roots.get(protos);
}

/** @throws when the method is unknown, or the message is not one of its requests. */
export function requireMessage(protos, method, message) {
  const [service, name] = method.split('/');
  const called = rootOf(protos).lookupService(service).methods[name];
  if (!called) {
    throw new Error(`${service} has no method ${name}`);
  }
  requireType(called.resolvedRequestType, message, called.resolvedRequestType.name);
}

function requireType(type, value, place) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${place}: expected a ${type.name}`);
  }
  for (const [name, given] of Object.entries(value)) {
    const field = type.fields[name];
    if (!field) {
      throw new Error(`${place}: ${type.name} has no field ${name} (it has ${Object.keys(type.fields).join(', ')})`);
    }
    requireField(field, given, `${place}.${name}`);
  }
  for (const oneof of type.oneofsArray) {
    const set = oneof.fieldsArray.filter(field => field.name in value);
    if (set.length > 1) {
      throw new Error(`${place}: ${set.map(field => field.name).join(' and ')} exclude each other`);
    }
  }
}

function requireField(field, given, place) {
  if (field.repeated) {
    if (!Array.isArray(given)) {
      throw new Error(`${place}: expected a list`);
    }
    given.forEach((one, at) => requireOne(field, one, `${place}[${at}]`));
  } else {
    requireOne(field, given, place);
  }
}

function requireOne(field, given, place) {
  if (field.resolvedType instanceof protobuf.Type) {
    requireType(field.resolvedType, given, place);
    return;
  }
  if (field.resolvedType instanceof protobuf.Enum) {
    if (!(given in field.resolvedType.values)) {
      throw new Error(`${place}: ${given} is none of ${Object.keys(field.resolvedType.values).join(', ')}`);
    }
    return;
  }
  const isRight = {
    string: () => typeof given === 'string',
    bool: () => typeof given === 'boolean',
    double: () => typeof given === 'number' && Number.isFinite(given),
    uint32: () => Number.isInteger(given) && given >= 0,
  }[field.type] ?? (() => typeof given === 'string' && WHOLE.test(given));
  if (!isRight()) {
    throw new Error(`${place}: ${JSON.stringify(given)} is no ${field.type}${field.type.endsWith('64') ? ' (as text, so that no digit is lost)' : ''}`);
  }
}
