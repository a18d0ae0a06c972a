/** Printed commands go to the cluster that was checked. */
import t from 'tap'
import type { CheckReport } from '../../../src/check/check-cluster.ts'
import { pointCommands } from '../../../src/cli/check/point-commands.ts'

const restore = 'helm get manifest a -n b | kubectl apply -f -'

function reportWith(commands: readonly string[]): CheckReport {
  const findings = [{ id: 'x', severity: 'error' as const, what: '', commands }]
  return { server: '', context: '', serverVersion: '', username: '', sections: [{ title: '', findings }] }
}

function pointed(commands: readonly string[], options: object): readonly string[] | undefined {
  return pointCommands(reportWith(commands), options).sections[0]?.findings[0]?.commands
}

t.test('kubectl and Helm get kubeconfig and context, each by its own flag', (t) => {
  t.strictSame(
    pointed([restore, 'kubectl logs x', "echo '{}' | kubectl create -f -"], { kubeconfig: 'a b', context: '$1' }),
    [
      "helm --kubeconfig 'a b' --kube-context '$1' get manifest a -n b | kubectl --kubeconfig 'a b' --context '$1' apply -f -",
      "kubectl --kubeconfig 'a b' --context '$1' logs x",
      "echo '{}' | kubectl --kubeconfig 'a b' --context '$1' create -f -",
    ],
  )
  t.end()
})

t.test('without options commands stay as they are', (t) => {
  t.strictSame(pointed([restore], {}), [restore])
  t.end()
})
