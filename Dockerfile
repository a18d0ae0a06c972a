# syntax=docker/dockerfile:1
# Build: everything with its development dependencies, then the production dependencies alone.
FROM node:24.11.1-alpine3.22 AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# The node package only brings Node to machines that have another one; this image has it.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN node node_modules/typescript/bin/tsc -p tsconfig.build.json \
 && npm prune --omit=dev --ignore-scripts \
 && rm -rf node_modules/.cache node_modules/.package-lock.json

# Only what Node needs to run, collected with the links that the loader follows.
FROM node:24.11.1-alpine3.22 AS runtime
RUN mkdir -p /root-fs/usr/local/bin /root-fs/usr/lib /root-fs/lib /root-fs/etc /root-fs/tmp \
 && cp /usr/local/bin/node /root-fs/usr/local/bin/ \
 && cp -a /lib/ld-musl-*.so.1 /root-fs/lib/ \
 && cp -a /usr/lib/libstdc++.so.6* /usr/lib/libgcc_s.so.1 /root-fs/usr/lib/ \
 && printf 'nonroot:x:65532:65532:nonroot:/tmp:/nologin\n' > /root-fs/etc/passwd \
 && chmod 1777 /root-fs/tmp

# No shell, no package manager, no root.
FROM scratch
COPY --from=runtime /root-fs/ /
COPY --from=build /build/node_modules /app/node_modules
COPY --from=build /build/dist /app/dist
COPY --from=build /build/package.json /app/package.json
COPY LICENSE /licenses/LICENSE
ENV NODE_ENV=production
USER 65532:65532
EXPOSE 8443 9090
ENTRYPOINT ["/usr/local/bin/node", "/app/dist/main.js"]
CMD ["serve", "--tls-dir", "/tls"]
