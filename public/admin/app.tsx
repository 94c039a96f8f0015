/** The frame of the page: who is signed in, the sections, the one that is open. */
import { effect, signal } from "@preact/signals";
import type { ComponentChild } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { SessionAnswer } from "../../src/admin/api/adminWire.ts";
import { ApiError, get, post, session } from "./api.ts";
import { AuditSection } from "./audit.tsx";
import { AuditsSection } from "./audits.tsx";
import { DefinitionsSection } from "./definitions.tsx";
import { ContentSection } from "./content.tsx";
import { DestinationsSection } from "./destinations.tsx";
import { FreshnessSection } from "./freshness.tsx";
import { KeysSection } from "./keys.tsx";
import { act, Data, Failure } from "./pieces.tsx";
import { ProfilesSection } from "./profiles.tsx";
import { QuarantineSection } from "./quarantine.tsx";
import { RiverSection } from "./river.tsx";
import { link, route, sections, type SectionName } from "./route.ts";
import { SegmentsSection } from "./segments.tsx";
import { SignIn } from "./signIn.tsx";
import { StorageSection } from "./storage.tsx";
import { TriggersSection } from "./triggers.tsx";
import { PlanSection } from "./trackingPlan.tsx";

const bodies: Readonly<Record<SectionName, () => ComponentChild>> = {
  river: () => <RiverSection />,
  profiles: () => <ProfilesSection />,
  segments: () => <SegmentsSection />,
  definitions: () => <DefinitionsSection />,
  plan: () => <PlanSection />,
  content: () => <ContentSection />,
  destinations: () => <DestinationsSection />,
  triggers: () => <TriggersSection />,
  quarantine: () => <QuarantineSection />,
  audits: () => <AuditsSection />,
  freshness: () => <FreshnessSection />,
  keys: () => <KeysSection />,
  storage: () => <StorageSection />,
  audit: () => <AuditSection />,
};

const failure = signal<unknown>(null);

effect(() => {
  const name = sections.find(([known]) => known === route.value.section)?.[1] ?? "";
  document.title = session.value?.signedIn === true ? `${name} · Freshet` : "Sign in · Freshet";
});

export function App() {
  useEffect(() => {
    get<SessionAnswer>("session").then(
      (answer) => {
        session.value = answer;
      },
      (error: unknown) => {
        failure.value = error;
      },
    );
  }, []);
  const known = session.value;
  if (known === null)
    return (
      <main class="alone">
        {failure.value === null ? <p aria-busy="true">One moment…</p> : <Failure error={failure.value} />}
      </main>
    );
  return known.signedIn ? (
    <Inside keyId={known.keyId} source={known.source} version={known.version} />
  ) : (
    <SignIn />
  );
}

function Inside(props: { readonly keyId: string; readonly source: string; readonly version: string }) {
  const { keyId, source, version } = props;
  const { section, rest } = route.value;
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    // Who comes by keyboard or screen reader goes on in the section that was opened; not at the very start.
    if (!isFirst.current) main.current?.focus();
    isFirst.current = false;
  }, [section, rest.join("/")]);
  return (
    <>
      <header>
        <p class="brand">
          <a href={link("river")}>Freshet</a> <small>{version}</small>
        </p>
        <nav aria-label="Sections">
          <ul>
            {sections.map(([name, title]) => (
              <li key={name}>
                <a href={link(name)} aria-current={name === section ? "page" : undefined}>
                  {title}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <p class="who">
          <span>
            <span class="unseen">Signed in with the </span>key of <Data>{source}</Data> <small>{keyId}</small>
          </span>
          <button type="button" class="quiet" onClick={act(signOut)}>
            Sign out
          </button>
        </p>
      </header>
      <main ref={main} tabIndex={-1}>
        {failure.value === null ? null : <Failure error={failure.value} />}
        {bodies[section]()}
      </main>
    </>
  );
}

async function signOut(): Promise<void> {
  try {
    session.value = await post<SessionAnswer>("session/end");
  } catch (error) {
    if (error instanceof ApiError && error.code === "unauthorized") return;
    failure.value = error;
  }
}
