/** Reads of profiles of 2 KB, closed loop, plain and with If-None-Match, against a no-op GET of 2 KB. */
import { users } from "../load/payload.ts";
import { startFloor } from "../support/floorServer.ts";
import { readAuthorization, startOurs } from "../support/ours.ts";
import type { Row } from "../support/row.ts";
import { seedProfiles } from "../support/seed.ts";

const connections = 64;
const answerBytes = 2_048;

export const get: Row = {
  name: "get",
  when: "always",
  run: async (bench) => {
    const noop = await startFloor(bench, "noop");
    const ours = await startOurs(bench);
    const exactBytes = await seedProfiles(ours, users, answerBytes);
    bench.say(`  a profile's answer has ${exactBytes} bytes`);
    const read = async (conditional: boolean) =>
      (
        await bench.load({
          port: ours.port,
          request: { kind: "profile", conditional },
          connections,
          authorization: readAuthorization,
        })
      ).perSecond;
    const figures = await bench.interleave({
      noop: async () =>
        (await bench.load({ port: noop.port, request: { kind: "get", path: "/2kb" }, connections }))
          .perSecond,
      plain: () => read(false),
      conditional: () => read(true),
    });
    const common = {
      floor: "no-op Elysia GET of 2 KB",
      unit: "/s",
      floors: figures.noop,
      note: `${users} profiles at random`,
    };
    return [
      {
        ...common,
        id: "get",
        work: "GET profile, 2 KB",
        ours: figures.plain,
        aim: { kind: "atLeast", value: 0.7 },
      },
      {
        ...common,
        id: "get-304",
        work: "GET profile with If-None-Match: 304",
        ours: figures.conditional,
        aim: { kind: "atLeast", value: 0.85 },
      },
    ];
  },
};
