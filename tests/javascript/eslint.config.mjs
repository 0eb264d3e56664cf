// The rules for the browser page's JavaScript. From the repository's root:
// npm install --prefix tests/javascript --no-package-lock && npm run --prefix tests/javascript lint

import js from "@eslint/js";
import globals from "globals";

export default [
  js.configs.recommended,
  {
    files: ["**/*.mjs"],
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      complexity: ["error", 12],
      eqeqeq: "error",
      "max-lines": ["error", 400],
      "max-lines-per-function": ["error", 60],
      "max-params": ["error", 8],
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-shadow": ["error", { builtinGlobals: false }],
      "no-unused-vars": "error",
      "no-use-before-define": ["error", { functions: false, classes: false, variables: false }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": ["error", { destructuring: "all" }],
      "prefer-template": "error",
    },
  },
  {
    files: ["fast_style/web/page/*.mjs"],
    ignores: ["fast_style/web/page/worker.mjs"],
    languageOptions: { globals: globals.browser },
  },
  { files: ["fast_style/web/page/worker.mjs", "fast_style/web/page/downloads.mjs"], languageOptions: { globals: globals.worker } },
  {
    files: ["fast_style/web/page/offline.js"],
    languageOptions: { globals: globals.serviceworker, sourceType: "script" },
  },
];
