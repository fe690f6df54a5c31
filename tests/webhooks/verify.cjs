// Verifies requests with the official JavaScript package.
//
// Standard input: a JSON array of {secret, headers, body, clock_ahead_s}. Standard output: a JSON array with
// null for each valid request, or the reason.

"use strict";

const { readFileSync } = require("node:fs");
const { Webhook, WebhookVerificationError } = require("standardwebhooks");

const now = Date.now;

function verify({ secret, headers, body, clock_ahead_s: ahead }) {
  Date.now = () => now() + ahead * 1000;
  try {
    new Webhook(secret).verify(body, headers);
    return null;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return error.message;
    throw error;
  } finally {
    Date.now = now;
  }
}

const asked = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(asked.map(verify)));
