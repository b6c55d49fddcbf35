// Whether a file is a valid OpenAPI document, and whether its examples are what their schemas say: node openapi.mjs FILE
import { readFile } from 'node:fs/promises';
import { Validator } from '@seriousme/openapi-schema-validator';
import Ajv from 'ajv/dist/2020.js';

const document = JSON.parse(await readFile(process.argv[2], 'utf8'));
const validator = new Validator();
const result = await validator.validate(structuredClone(document));
if (result.valid) {
  console.log(`ok document ${validator.version}`);
} else {
  console.log(`fail document ${JSON.stringify(result.errors)}`);
}

const ajv = new Ajv({ strict: false, validateFormats: false });
ajv.addSchema({ $id: 'openapi:doc', components: document.components });
const absolute = (schema) => JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"openapi:doc#/components/'));
for (const [path, item] of Object.entries(document.paths)) {
  for (const [method, operation] of Object.entries(item)) {
    for (const content of Object.values(operation.requestBody?.content ?? {})) {
      const check = ajv.compile(absolute(content.schema));
      for (const [name, example] of Object.entries(content.examples ?? {})) {
        // One that shows a refusal may be wrong on purpose.
        const valid = check(example.value) || example['x-expects'] !== 200;
        console.log(valid ? `ok ${method} ${path} ${name}` : `fail ${method} ${path} ${name} ${JSON.stringify(check.errors)}`);
      }
    }
  }
}
