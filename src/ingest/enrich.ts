/**
 * Enrichment: what a user agent and an address tell about an event. Decided once, at acceptance, and stored beside it
 * (model/facts.ts). Events that bring neither cost nothing.
 */
import Bowser from "bowser";
import { isbot } from "isbot";
import type { CountryOf } from "../lib/countries.ts";
import type { Facts } from "../model/facts.ts";
import type { FrameSender } from "../store/accept.ts";
import { mailAgentOf } from "./mailAgents.ts";

/** Null: there is nothing to tell. */
export type Enrich = (sender: FrameSender) => Facts | null;

/** Longer ones are cut; real ones stay far below. */
const maxAgentLength = 512;
/** User agents remembered, twice over. */
const rememberedAgents = 2_000;

const nothing: Facts = Object.freeze({});

/** `countryOf` null: no countries. */
export function enricher(countryOf: CountryOf | null): Enrich {
  const agents = new AgentMemory();
  return ({ userAgent, address }) => {
    if (userAgent === null && (address === null || countryOf === null)) return null;
    const facts = userAgent === null ? nothing : agents.factsOf(userAgent.slice(0, maxAgentLength));
    const country = address === null || countryOf === null ? null : countryOf(address);
    if (country !== null) return { ...facts, country };
    return facts === nothing ? null : facts;
  };
}

/** Two generations: what was asked for lately stays, and nobody can fill the memory for good. */
class AgentMemory {
  #young = new Map<string, Facts>();
  #old = new Map<string, Facts>();

  factsOf(agent: string): Facts {
    const young = this.#young.get(agent);
    if (young !== undefined) return young;
    const facts = this.#old.get(agent) ?? readAgent(agent);
    this.#young.set(agent, facts);
    if (this.#young.size >= rememberedAgents) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    return facts;
  }
}

/** What one user agent tells. */
export function readAgent(agent: string): Facts {
  const mail = mailAgentOf(agent);
  const isBot = mail?.kind === "scanner" || (mail === null && isbot(agent));
  const { browser, os, platform } = parse(agent);
  const facts: Facts = {
    ...(platform === undefined ? {} : { device: platform }),
    ...(os === undefined ? {} : { os }),
    ...(browser === undefined ? {} : { browser }),
    ...(isBot ? { bot: true } : {}),
    ...(mail?.kind === "proxy" ? { proxy: mail.name } : {}),
  };
  return Object.keys(facts).length === 0 ? nothing : facts;
}

function parse(agent: string): { browser?: string; os?: string; platform?: string } {
  if (agent === "") return {};
  const { browser, os, platform } = Bowser.parse(agent);
  return {
    ...(browser.name ? { browser: browser.name } : {}),
    ...(os.name ? { os: os.name } : {}),
    ...(platform.type ? { platform: platform.type } : {}),
  };
}
