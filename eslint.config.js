import { defineConfig } from "eslint/config";
import { createTypeScriptImportResolver } from "eslint-import-resolver-typescript";
import { importX } from "eslint-plugin-import-x";
import tseslint from "typescript-eslint";

/**
 * Which of our folders a folder of src/ may import, besides itself.
 * @type {Record<string, readonly string[]>}
 */
const layers = {
  domain: [],
  simulator: [],
  audit: [],
  openstack: ["domain"],
  store: ["domain"],
  config: ["domain"],
  report: ["domain"],
  conductor: ["domain", "openstack", "store", "config", "report"],
  api: ["domain", "openstack", "store", "config", "report", "conductor"],
};
const folders = [...Object.keys(layers), "cli"];
const zones = Object.entries(layers).map(([target, allowed]) => ({
  target: `./src/${target}`,
  from: folders.filter((f) => f !== target && !allowed.includes(f)).map((f) => `./src/${f}`),
  message: `src/${target} may import only: ${allowed.join(", ") || "nothing of ours"}`,
}));

export default defineConfig(
  { ignores: ["dist", "coverage", "reports", "db/*/migrations", ".stryker-tmp", "test/openstack/lib"] },
  tseslint.configs.strictTypeChecked.map((c) => ({ ...c, files: ["**/*.ts"] })),
  {
    files: ["**/*.ts"],
    plugins: { "import-x": importX },
    settings: { "import-x/resolver-next": [createTypeScriptImportResolver()] },
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ["eslint.config.js"] } } },
    rules: {
      "import-x/no-cycle": "error",
      "import-x/no-default-export": "error",
      "import-x/no-restricted-paths": ["error", { zones }],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-unnecessary-condition": ["error", { allowConstantLoopConditions: true }],
    },
  },
  {
    files: ["**/*.test.ts", "test/**/*.ts"],
    rules: {
      // node:test's describe/it/test return promises that the runner itself awaits.
      "@typescript-eslint/no-floating-promises": [
        "error",
        {
          allowForKnownSafeCalls: [
            {
              from: "package",
              package: "node:test",
              name: ["describe", "it", "test", "suite", "before", "after", "beforeEach", "afterEach"],
            },
          ],
        },
      ],
      "@typescript-eslint/no-non-null-assertion": "off",
      // A test double fulfils an async interface without awaiting anything.
      "@typescript-eslint/require-await": "off",
    },
  },
  { files: ["*.config.ts", "*.config.js"], rules: { "import-x/no-default-export": "off" } },
);
