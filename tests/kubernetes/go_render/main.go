// SPDX-License-Identifier: Apache-2.0
// Renders a Helm chart or a kustomize folder with the libraries of the two programs, and prints a JSON object: file → text.
//
//	render helm CHART [-values FILE] [-namespace NAME] [-existing FILE]
//	render kustomize FOLDER
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// cluster is one in which a single object exists, or none. What the chart does not ask is not implemented.
type cluster struct {
	dynamic.NamespaceableResourceInterface
	object    *unstructured.Unstructured
	asked     schema.GroupVersionKind
	namespace string
}

func (c cluster) GetClientFor(apiVersion, kind string) (dynamic.NamespaceableResourceInterface, bool, error) {
	c.asked = schema.FromAPIVersionAndKind(apiVersion, kind)
	return c, true, nil
}

func (c cluster) Namespace(name string) dynamic.ResourceInterface {
	c.namespace = name
	return c
}

func (c cluster) Get(_ context.Context, name string, _ metav1.GetOptions, _ ...string) (*unstructured.Unstructured, error) {
	if c.object != nil && c.object.GroupVersionKind() == c.asked && c.object.GetNamespace() == c.namespace &&
		c.object.GetName() == name {
		return c.object, nil
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: c.asked.Kind}, name)
}

func readYAML(file string, into any) error {
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return yaml.Unmarshal(text, into)
}

func helm(path string, arguments []string) (map[string]string, error) {
	flags := flag.NewFlagSet("helm", flag.ExitOnError)
	valuesFile := flags.String("values", "", "YAML file over the chart's values.yaml")
	namespace := flags.String("namespace", "default", "of the release")
	existing := flags.String("existing", "", "YAML file of the one object that lookup finds")
	if err := flags.Parse(arguments); err != nil {
		return nil, err
	}
	chart, err := loader.Load(path)
	if err != nil {
		return nil, err
	}
	if err := chart.Validate(); err != nil {
		return nil, err
	}
	given := map[string]any{}
	if err := readYAML(*valuesFile, &given); err != nil {
		return nil, err
	}
	there := cluster{}
	if *existing != "" {
		there.object = &unstructured.Unstructured{}
		if err := readYAML(*existing, &there.object.Object); err != nil {
			return nil, err
		}
	}
	release := chartutil.ReleaseOptions{Name: "weir", Namespace: *namespace, Revision: 1, IsInstall: true}
	values, err := chartutil.ToRenderValues(chart, given, release, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine.RenderWithClientProvider(chart, values, there)
}

func kustomize(path string) (map[string]string, error) {
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), path)
	if err != nil {
		return nil, err
	}
	text, err := resources.AsYaml()
	return map[string]string{"resources.yaml": string(text)}, err
}

func render() (map[string]string, error) {
	if len(os.Args) > 2 && os.Args[1] == "helm" {
		return helm(os.Args[2], os.Args[3:])
	}
	if len(os.Args) == 3 && os.Args[1] == "kustomize" {
		return kustomize(os.Args[2])
	}
	return nil, fmt.Errorf("usage: render helm CHART [flags] | render kustomize FOLDER")
}

func main() {
	files, err := render()
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(files)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
